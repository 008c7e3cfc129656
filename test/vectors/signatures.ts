/** Contract 10.1: what a subscription's signature covers, and its digest. */

export type SignatureVector = {
  readonly id: string
  readonly socketId: string
  readonly channel: string
  readonly channelData?: string
  readonly digest: string
  /** The example credentials K1 unless said. */
  readonly secret?: string
}

export const SIGNATURES: readonly SignatureVector[] = [
  {
    id: 'A1',
    socketId: '1234.1234',
    channel: 'private-foobar',
    digest: '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4',
  },
  {
    id: 'A2a',
    socketId: '1234.1234',
    channel: 'presence-foobar',
    channelData: '{"user_id":10,"user_info":{"name":"Mr. Channels"}}',
    digest: '31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80',
  },
  {
    id: 'A2b',
    socketId: '1234.1234',
    channel: 'presence-foobar',
    channelData: '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}',
    digest: 'afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c',
  },
  {
    id: 'A3',
    socketId: '1234.1234',
    channel: 'presence-foobar',
    channelData: '{"user_id":"10","user_info":{"name":"Mr. Pusher"}}',
    digest: '48dac51d2d7569e1e9c0f48c227d4b26f238fa68e5c0bb04222c966909c4f7c4',
  },
  {
    id: 'A4',
    socketId: '1234.1234',
    channel: 'presence-foobar',
    channelData: '{ "user_id": "10", "user_info": { "name": "Mr. Pusher" } }',
    digest: '209d79e719ea57d780997fbc4b4c80a35b9959416b84f60754da8f8180f93931',
  },
  {
    id: 'A5',
    socketId: '98765.43210',
    channel: 'presence-room-1',
    channelData: '{"user_id":"zoë-7","user_info":{"name":"Zoë 😀","quote":"a \\"b\\" / c"}}',
    digest: '175fce5c8d853915c2d1d2f84fa54e0e889afe47b1b4f5ffe72b932c88dc8664',
  },
  {
    id: 'A6',
    socketId: '98765.43210',
    channel: 'presence-room-1',
    channelData: '{"user_id":"zo\\u00eb-7"}',
    digest: '78aa85e19a2028a4c5d4eb40aa5b2b70c272fc4a1649305c652466bd8f9ef3bd',
  },
  {
    id: 'A7',
    socketId: '1234.1234',
    channel: 'private-foobar',
    channelData: '{"user_id":"42"}',
    digest: '241fe1799a55e972b343c63050ae910dc0a56cfb8df23e3d3ac6b72dfc43834b',
  },
  {
    id: 'A8',
    socketId: '1234.1234',
    channel: 'presence-foobar',
    digest: '71506e66e7fdca106571b8999a849ad34245bc653772e51e0026c1a2475b92ba',
  },
  {
    id: 'A9',
    socketId: '1234.1234',
    channel: 'private-encrypted-cache-room',
    digest: '2c00b11ec5ea1f38441fa34217e6fc2105c3cf7abe8969fa0163d99c8997bee1',
  },
  {
    id: 'A10',
    socketId: '1.1',
    channel: 'test_channel',
    secret: '12345678900000001',
    digest: '02259dff9a2a3f71ea8ab29ac0c0c0ef7996c8f3fd3702be5533f30da7d7fed4',
  },
]
