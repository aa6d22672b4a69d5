/** The gRPC contract of the same service: `proto/parcels/v1/parcels.proto`. */
export const PARCELS_PROTO = `syntax = "proto3";

package parcels.v1;

import "google/protobuf/timestamp.proto";

// Parcels on their way.
service ParcelService {
  rpc CreateParcel(CreateParcelRequest) returns (CreateParcelResponse);
  rpc GetParcel(GetParcelRequest) returns (GetParcelResponse);
  rpc ListParcels(ListParcelsRequest) returns (ListParcelsResponse);
  rpc DeleteParcel(DeleteParcelRequest) returns (DeleteParcelResponse);
  rpc WatchParcels(WatchParcelsRequest) returns (stream WatchParcelsResponse);
}

enum Size {
  SIZE_UNSPECIFIED = 0;
  SIZE_SMALL = 1;
  SIZE_LARGE = 2;
}

message Parcel {
  string id = 1;
  string name = 2;
  Size size = 3;
  optional string note = 4;
  google.protobuf.Timestamp sent_at = 5;
}

message CreateParcelRequest {
  string name = 1;
  Size size = 2;
  optional string note = 3;
}

message CreateParcelResponse {
  Parcel parcel = 1;
}

message GetParcelRequest {
  string id = 1;
}

message GetParcelResponse {
  Parcel parcel = 1;
}

message ListParcelsRequest {
  optional int32 page_size = 1;
  optional Size size = 2;
}

message ListParcelsResponse {
  repeated Parcel parcels = 1;
  optional string next_page_token = 2;
}

message DeleteParcelRequest {
  string id = 1;
}

message DeleteParcelResponse {}

message WatchParcelsRequest {}

message WatchParcelsResponse {
  Parcel parcel = 1;
}
`;
