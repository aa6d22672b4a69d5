/** The item feature as the chassis' users write one, REST and gRPC over the same service. */
import { Body, Controller, Get, Injectable, Module, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { ServiceError } from '#chassis/errors';
import { Rpc } from '#chassis/grpc';
import { Returns } from '#chassis/http';
import { ItemServiceService as Rpcs, type GetItemResponse } from '../generated/items/v1/items.js';
import { ItemStore } from '../shared/items.js';

const NewItem = z.strictObject({
  name: z.string().min(1).max(100),
  priceAmount: z.int().min(0).max(100_000_000),
  tags: z.array(z.string().min(1).max(32)).max(10),
});
type NewItem = z.output<typeof NewItem>;

const Item = z.object({ id: z.string(), ...NewItem.shape, createdAt: z.string() }).meta({ id: 'Item' });
type Item = z.output<typeof Item>;

const ItemRef = z.object({ id: z.string() });

@Injectable()
export class ItemsRepository {
  readonly #store = new ItemStore();

  async find(id: string): Promise<Item | undefined> {
    return this.#store.find(id) as Item | undefined;
  }

  async insert(input: NewItem): Promise<Item> {
    return this.#store.insert(input) as Item;
  }
}

@Injectable()
export class ItemsService {
  constructor(private readonly items: ItemsRepository) {}

  async get(id: string): Promise<Item> {
    const item = await this.items.find(id);
    if (!item)
      throw new ServiceError({ code: 'NOT_FOUND', reason: 'ITEM_NOT_FOUND', message: 'no such item' });
    return item;
  }

  create(input: NewItem): Promise<Item> {
    return this.items.insert(input);
  }
}

@Controller('v1/items')
export class ItemsHttpController {
  constructor(private readonly items: ItemsService) {}

  @Get(':id')
  @Returns(200, Item, 'The item')
  get(@Param('id') id: string): Promise<Item> {
    return this.items.get(id);
  }

  @Post()
  @Returns(201, Item, 'The new item')
  create(@Body({ schema: NewItem }) input: NewItem): Promise<Item> {
    return this.items.create(input);
  }
}

@Controller()
export class ItemsGrpcController {
  constructor(private readonly items: ItemsService) {}

  @Rpc(Rpcs.getItem, ItemRef)
  async getItem({ id }: z.output<typeof ItemRef>): Promise<GetItemResponse> {
    return { item: await this.items.get(id) };
  }
}

@Module({
  controllers: [ItemsHttpController, ItemsGrpcController],
  providers: [ItemsService, ItemsRepository],
})
export class ItemsModule {}
