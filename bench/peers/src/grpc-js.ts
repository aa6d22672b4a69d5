/** Bare grpc-js with ts-proto's static codec. The base of the gRPC ratios. */
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { ItemServiceService, type ItemServiceServer } from '../../generated/items/v1/items.js';
import { ItemStore } from '../../shared/items.js';
import { grpcPort, host } from './settings.js';

const items = new ItemStore();
const handlers: ItemServiceServer = {
  getItem: ({ request }, callback) => {
    const item = items.find(request.id);
    if (item) callback(null, { item: { ...item, tags: [...item.tags] } });
    else callback({ code: status.NOT_FOUND, details: 'no such item' });
  },
};

const server = new Server();
server.addService(ItemServiceService, handlers);
server.bindAsync(`${host}:${grpcPort}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
