/** Contract 10.3: signed HTTP requests. K1 and K2 are the published example credentials. */

export const K1 = { appId: '3', appKey: '278d425bdf160c739803', appSecret: '7ad3773142a6692b25b8' }
export const K2 = {
  appId: '102015',
  appKey: 'd41a439c438a100756f5',
  appSecret: '4bf35003e819bb138249',
}

export type RequestVector = {
  readonly id: string
  readonly app: typeof K1
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Beyond `auth_key`, `auth_timestamp` and `auth_version`, as on the wire. */
  readonly query?: string
  readonly timestamp: number
  readonly body?: string
  readonly md5?: string
  readonly signature: string
}

const SESSION = 'presence-session-d41a439c438a100756f5-4bf35003e819bb138249'

export const REQUESTS: readonly RequestVector[] = [
  {
    id: 'H1',
    app: K1,
    method: 'POST',
    path: '/apps/3/events',
    timestamp: 1353088179,
    body: '{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}',
    md5: 'ec365a775a4cd0599faeb73354201b6f',
    signature: 'da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c',
  },
  {
    id: 'H2',
    app: K2,
    method: 'GET',
    path: '/apps/102015/channels',
    query: 'filter_by_prefix=presence-&info=user_count',
    timestamp: 1427034994,
    signature: '4d8a02edcc8a758b0162cd6da690a9a45fb8ae326a276dca1e06a0bc42796c11',
  },
  {
    id: 'H3',
    app: K2,
    method: 'GET',
    path: '/apps/102015/channels',
    query: 'filter_by_prefix=presence-',
    timestamp: 1427036577,
    signature: 'b540383af4582af5fbb5df7be5472d54bd0838c9c2021c7743062568839e6f97',
  },
  {
    id: 'H4',
    app: K2,
    method: 'GET',
    path: '/apps/102015/channels',
    timestamp: 1427036787,
    signature: 'df89248f87f6e6d028925e0b04d60f316527a865992ace6936afa91281d8bef0',
  },
  {
    id: 'H5',
    app: K2,
    method: 'GET',
    path: `/apps/102015/channels/${SESSION}-ROpCFmgFhXY`,
    query: 'info=user_count,subscription_count',
    timestamp: 1427053326,
    signature: 'f93ceb31f396aef336226efe512aaf339bd5e39c7c2c04b81cc8681dc16ee785',
  },
  {
    id: 'H6',
    app: K2,
    method: 'GET',
    path: `/apps/102015/channels/${SESSION}-nYJLy67qh52/users`,
    timestamp: 1427053709,
    signature: '207feaf4e8efeb24e5f148011704251bf90e2059a5f97a3eb52d06178b11feca',
  },
  {
    id: 'H8',
    app: K1,
    method: 'GET',
    path: '/apps/3/channels',
    timestamp: 1700000000,
    md5: 'd41d8cd98f00b204e9800998ecf8427e',
    signature: '3eb4c48c77d10169b68e017bac77f4257862305d645b1e6b475f8da730c6f6de',
  },
  {
    id: 'H9',
    app: K1,
    method: 'POST',
    path: '/apps/3/batch_events',
    timestamp: 1700000000,
    body: '{"batch":[{"channel":"my-channel","name":"e1","data":"hello"},{"channel":"presence-room","name":"e2","data":"{\\"n\\":1}","socket_id":"123.456","info":"user_count"}]}',
    md5: 'f0f5be378f10bf4aa112621d104310d2',
    signature: 'b66f6acf1c13501afb5a89cbd535f50b982f7364a964a6708e003fbe62fdf9bd',
  },
  {
    id: 'H10',
    app: K1,
    method: 'POST',
    path: '/apps/3/events',
    query: 'channels[]=b&channels[]=a&data={"x":1}&name=my%20event',
    timestamp: 1700000000,
    signature: 'fb4676bc886706922a722ca1aa637b2dec7ced42448684eeece8a7cd6a0b051c',
  },
  {
    id: 'H11',
    app: K1,
    method: 'GET',
    path: '/apps/3/channels',
    query: 'Info=user_count&filter_by_prefix=presence-a%20b%26c',
    timestamp: 1700000000,
    signature: 'dd317fb382c6052048918846c41676cb8ec6e2c56bba877487255688f8af094c',
  },
  {
    id: 'H12',
    app: K1,
    method: 'POST',
    path: '/apps/3/events',
    timestamp: 1700000000,
    body: '{"name":"grüße","channels":["my-channel"],"data":"{\\"emoji\\":\\"😀\\"}"}',
    md5: '1fcaed4a13c7ddc19bfe3b9e272d9faa',
    signature: 'dc4d07b0015cfdfbdc6d305e32af176a793747780368448a79dff9ee6ed1a2a2',
  },
  {
    id: 'H13',
    app: K1,
    method: 'POST',
    path: '/apps/3/events',
    timestamp: 1700000000,
    body: '{"name":"hi","data":"{\\"m\\":1}","channels":["#server-to-user-user-1"]}',
    md5: '44058875125fba8b9a0963ba8ce8071d',
    signature: '5bce750de2822e1d32272356b627643f05ccd1bcb44ce6972aa55a54e7b00b11',
  },
]

/** The request line as an SDK sends it. */
export function urlOf({ app, path, query, timestamp, md5, signature }: RequestVector): string {
  const parts = [
    `auth_key=${app.appKey}`,
    `auth_timestamp=${timestamp}`,
    'auth_version=1.0',
    md5 === undefined ? '' : `body_md5=${md5}`,
    query ?? '',
    `auth_signature=${signature}`,
  ]
  return `${path}?${parts.filter((part) => part !== '').join('&')}`
}
