/** What has to be reached. A ratio of CPU is speed: how many calls one does in the CPU time of one call of the other; `…-added` is a difference. */
export interface Goal {
  readonly title: string;
  readonly measure:
    | 'get'
    | 'get-added'
    | 'post'
    | 'grpc'
    | 'p99'
    | 'alloc'
    | 'start'
    | 'policy-added'
    | 'policy-ratio'
    | 'middleware-added';
  readonly of: string;
  /** Without it the goal is an absolute one. */
  readonly to?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export const goals: readonly Goal[] = [
  { title: 'GET, server span ÷ bare Fastify', measure: 'get', of: 'chassis', to: 'fastify', atLeast: 0.48 },
  { title: 'GET, server span ÷ bare NestJS', measure: 'get', of: 'chassis', to: 'nest', atLeast: 0.6 },
  {
    title: "GET, server span ÷ Fastify's recipe, one span a call",
    measure: 'get',
    of: 'chassis',
    to: 'fastify-recipe-tuned',
    atLeast: 2,
  },
  {
    title: 'GET, server span ÷ NestJS standard recipe',
    measure: 'get',
    of: 'chassis',
    to: 'nest-recipe',
    atLeast: 12,
  },
  {
    title: 'GET, server span ÷ NestJS standard recipe, tuned',
    measure: 'get',
    of: 'chassis',
    to: 'nest-recipe-tuned',
    atLeast: 6,
  },
  {
    title: 'GET, in-between spans ÷ bare Fastify',
    measure: 'get',
    of: 'chassis-inner',
    to: 'fastify',
    atLeast: 0.33,
  },
  {
    title: 'GET, 10 % sampled, in-between spans ÷ bare Fastify',
    measure: 'get',
    of: 'chassis-sampled',
    to: 'fastify',
    atLeast: 0.5,
  },
  {
    title: 'GET, what JWT and token bucket add, µs of CPU a call',
    measure: 'get-added',
    of: 'chassis-guarded',
    to: 'chassis',
    atMost: 3,
  },
  {
    title: 'GET, with JWT and token bucket ÷ bare Fastify',
    measure: 'get',
    of: 'chassis-guarded',
    to: 'fastify',
    atLeast: 0.45,
  },
  {
    title: "GET, with JWT and token bucket ÷ Fastify's recipe, one span a call",
    measure: 'get',
    of: 'chassis-guarded',
    to: 'fastify-recipe-tuned',
    atLeast: 1.9,
  },
  {
    title: 'GET, with JWT and token bucket ÷ NestJS standard recipe',
    measure: 'get',
    of: 'chassis-guarded',
    to: 'nest-recipe',
    atLeast: 12,
  },
  {
    title: 'GET, with JWT and token bucket ÷ NestJS standard recipe, tuned',
    measure: 'get',
    of: 'chassis-guarded',
    to: 'nest-recipe-tuned',
    atLeast: 6,
  },
  {
    title: 'POST, server span ÷ bare NestJS with its validation pipe',
    measure: 'post',
    of: 'chassis',
    to: 'nest',
    atLeast: 1.1,
  },
  { title: 'gRPC unary ÷ bare grpc-js', measure: 'grpc', of: 'chassis', to: 'grpc-js', atLeast: 0.72 },
  {
    title: 'gRPC unary ÷ Nest gRPC with the usual recipe',
    measure: 'grpc',
    of: 'chassis',
    to: 'grpc-nest-recipe',
    atLeast: 3,
  },
  {
    title: 'gRPC unary, with JWT and token bucket ÷ bare grpc-js',
    measure: 'grpc',
    of: 'chassis-guarded',
    to: 'grpc-js',
    atLeast: 0.65,
  },
  {
    title: 'p99 at 4,000 REST calls/s ÷ bare Fastify',
    measure: 'p99',
    of: 'chassis',
    to: 'fastify',
    atMost: 4,
  },
  { title: 'allocation a REST call, KB', measure: 'alloc', of: 'chassis', atMost: 22 },
  {
    title: 'start to first answer ÷ bare NestJS',
    measure: 'start',
    of: 'chassis',
    to: 'nest',
    atMost: 1.25,
  },
  {
    title: 'retry, breaker, bulkhead, timeout; nothing fails: µs of CPU a call',
    measure: 'policy-added',
    of: 'chassis',
    atMost: 5,
  },
  {
    title: 'the same four of cockatiel, µs of CPU ÷ the chassis',
    measure: 'policy-ratio',
    of: 'cockatiel',
    atLeast: 1,
  },
  {
    title: 'what a pipeline without middlewares adds, µs of CPU a call',
    measure: 'middleware-added',
    of: 'empty',
    atMost: 0.1,
  },
  {
    title: 'what a middleware that does nothing adds, µs of CPU a call',
    measure: 'middleware-added',
    of: 'nothing',
    atMost: 0.5,
  },
];
