/** Users that have signed in, and their watchlists. */
import type { Group } from '../case'
import type { WireClient } from '../clients/wire'
import { expectSame, expectThat } from '../mismatch'
import type { Stage } from '../stage'

const ofUser = (id: string): string => `#server-to-user-${id}`

/** A connection that has signed in, and the id of its user. */
async function signedIn(stage: Stage, id = stage.name()) {
  const client = await stage.wire()
  await client.signIn({ id })
  return { client, id }
}

export const USERS: Group = {
  name: 'users',
  about: 'sign-in, events for users, the end of their connections',
  cases: [
    {
      name: 'pusher-js signs in and hears what is sent to its user',
      spec: 'User authentication; Sending events to users',
      async play(stage) {
        const id = stage.name()
        const { pusher } = stage.pusherJs({ user: { id } })
        pusher.signin()
        await stage.wait('the sign-in of pusher-js', pusher.user.signinDonePromise as Promise<void>)
        const heard = new Promise<unknown>((resolve) => pusher.user.bind('greeting', resolve))
        await stage.accepted('sendToUser', stage.sdk.sendToUser(id, 'greeting', { n: 1 }))
        expectSame('data', await stage.wait('greeting', heard), { n: 1 })
      },
    },
    {
      name: 'a sign-in is answered with its user_data as it was sent',
      spec: 'Protocol, pusher:signin_success',
      async play(stage) {
        const client = await stage.wire()
        const userData = `{ "id": "${stage.name()}", "user_info": {"name":"Zo\\u00eb"} }`
        client.askToSignIn(userData)
        const { data } = await client.nextOf('pusher:signin_success')
        const isText = (data as { user_data?: unknown } | undefined)?.user_data === userData
        expectThat(isText, 'an object whose user_data is the text that was sent', data)
      },
    },
    {
      name: 'a wrong signature signs nobody in',
      spec: 'Authorization signatures, User authentication',
      async play(stage) {
        const [client, id] = [await stage.wire(), stage.name()]
        client.askToSignIn(JSON.stringify({ id }), `${stage.target.key}:${'0'.repeat(64)}`)
        await client.expectError('a wrong signature')
        const channel = stage.name()
        client.askFor(channel)
        // The documentation does not say whether the connection stays.
        if (!(await client.isAnswered('pusher_internal:subscription_succeeded'))) return
        await stage.accepted('sendToUser', stage.sdk.sendToUser(id, 'secret', {}))
        await stage.trigger(channel, 'end', '{}')
        await client.nextOf('end', channel)
      },
    },
    {
      name: 'user_data without an id is refused',
      spec: 'User authentication (id is mandatory)',
      async play(stage) {
        const client = await stage.wire()
        client.askToSignIn('{"user_info":{"name":"Ada"}}')
        await client.expectError('user_data without an id')
      },
    },
    {
      name: 'signing in again as the same user is a success, as another one an error',
      spec: 'Protocol, pusher:signin',
      async play(stage) {
        const { client, id } = await signedIn(stage)
        await client.signIn({ id })
        client.askToSignIn(JSON.stringify({ id: stage.name() }))
        await client.expectError('another user on the same connection')
      },
    },
    {
      name: 'every connection of the user hears what is sent to it, once',
      spec: 'Sending events to users',
      async play(stage) {
        const { client: one, id } = await signedIn(stage)
        const { client: other } = await signedIn(stage, id)
        for (const client of [one, other]) await client.subscribe(ofUser(id))
        for (const event of ['e', 'end'])
          await stage.accepted('sendToUser', stage.sdk.sendToUser(id, event, 'x'))
        for (const client of [one, other])
          for (const event of ['e', 'end']) await client.nextOf(event, ofUser(id))
      },
    },
    {
      name: 'who has not signed in may not subscribe to the events of a user',
      spec: 'Sending events to users',
      play: async (stage) => expectKeptOut(stage, await stage.wire()),
    },
    {
      name: 'another user may not subscribe to the events of a user',
      spec: 'Sending events to users',
      play: async (stage) => expectKeptOut(stage, (await signedIn(stage)).client),
    },
    {
      name: 'terminating a user ends all of its connections',
      spec: 'Terminating user connections',
      async play(stage) {
        const { client: one, id } = await signedIn(stage)
        const { client: other } = await signedIn(stage, id)
        await stage.accepted('terminating', stage.sdk.terminateUserConnections(id))
        for (const client of [one, other]) await client.nextClose('the end of the connection')
      },
    },
    {
      name: 'pusher-js does not come back by itself after that',
      spec: 'Terminating user connections; Error codes (4000 to 4099)',
      async play(stage) {
        const id = stage.name()
        const client = stage.pusherJs({ user: { id } })
        client.pusher.signin()
        const { signinDonePromise } = client.pusher.user
        await stage.wait('the sign-in of pusher-js', signinDonePromise as Promise<void>)
        await stage.accepted('terminating', stage.sdk.terminateUserConnections(id))
        await client.state('disconnected')
      },
    },
    {
      name: 'who only has that id in a presence channel stays',
      spec: 'Terminating user connections',
      async play(stage) {
        const [client, id] = [await stage.wire(), stage.name()]
        const { client: signed } = await signedIn(stage, id)
        await client.join(stage.name('presence-'), JSON.stringify({ user_id: id }))
        await stage.accepted('terminating', stage.sdk.terminateUserConnections(id))
        await signed.nextClose('the end of the signed-in connection')
        await client.expectAlive()
      },
    },
    {
      name: 'terminating a user without connections is answered with 200 and JSON',
      spec: 'HTTP API, POST terminate_connections',
      async play(stage) {
        const path = `/users/${stage.name()}/terminate_connections`
        await stage.requests.ask({ path, body: {} })
      },
    },
    {
      name: 'terminating needs no body',
      spec: 'HTTP API, Authentication (body_md5 of bodies that are not empty)',
      async play(stage) {
        const { client, id } = await signedIn(stage)
        const path = `/users/${id}/terminate_connections`
        await stage.requests.ask({ method: 'POST', path })
        await client.nextClose('the end of the connection')
      },
    },
    {
      name: 'ids with spaces and in any writing are terminated by the server library',
      spec: 'Node SDK, terminateUserConnections (signs the id as it is)',
      async play(stage) {
        const { client, id } = await signedIn(stage, `${stage.name()} zoë`)
        await stage.accepted('terminating', stage.sdk.terminateUserConnections(id))
        await client.nextClose('the end of the connection')
      },
    },
  ],
}

/** Fails where somebody hears what was sent to another user. */
async function expectKeptOut(stage: Stage, client: WireClient): Promise<void> {
  const { id } = await signedIn(stage)
  client.askFor(ofUser(id))
  await client.expectRefused(ofUser(id), 'the events of another user')
  const channel = stage.name()
  await client.subscribe(channel)
  await stage.accepted('sendToUser', stage.sdk.sendToUser(id, 'secret', {}))
  await stage.trigger(channel, 'end', '{}')
  await client.nextOf('end', channel)
}

type Change = { readonly name?: string; readonly user_ids?: readonly string[] }

/** The changes of the next message about watched users, by name. */
async function nextChanges(client: WireClient): Promise<Record<string, unknown>> {
  const data = await client.nextData('pusher_internal:watchlist_events')
  const { events = [] } = data as { events?: readonly Change[] }
  return Object.fromEntries(events.map(({ name, user_ids }) => [name, user_ids?.toSorted()]))
}

export const WATCHLISTS: Group = {
  name: 'watchlists',
  about: 'who of the watched users is online; the app must have them switched on',
  cases: [
    {
      name: 'a sign-in is told who is online and who is not',
      spec: 'Watchlist events',
      async play(stage) {
        const { id: online } = await signedIn(stage)
        const [client, offline] = [await stage.wire(), stage.name()]
        await client.signIn({ id: stage.name(), watchlist: [online, offline] })
        const expected = { online: [online], offline: [offline] }
        expectSame('the changes', await nextChanges(client), expected)
      },
    },
    {
      name: 'watchers are told once when a user comes, and once when the last connection goes',
      spec: 'Watchlist events',
      async play(stage) {
        const [client, id] = [await stage.wire(), stage.name()]
        await client.signIn({ id: stage.name(), watchlist: [id] })
        expectSame('the changes', await nextChanges(client), { offline: [id] })
        const { client: one } = await signedIn(stage, id)
        const { client: other } = await signedIn(stage, id)
        one.close()
        other.close()
        expectSame('the changes', await nextChanges(client), { online: [id] })
        expectSame('the changes', await nextChanges(client), { offline: [id] })
      },
    },
    {
      name: 'pusher-js binds to online',
      spec: 'Watchlist events',
      async play(stage) {
        const { id } = await signedIn(stage)
        const { pusher } = stage.pusherJs({ user: { id: stage.name(), watchlist: [id] } })
        const online = new Promise<unknown>((resolve) =>
          pusher.user.watchlist.bind('online', resolve),
        )
        pusher.signin()
        const { user_ids } = (await stage.wait('online', online)) as Change
        expectSame('user_ids', user_ids, [id])
      },
    },
    {
      name: 'a list of more than 100 users is cut, and answered with 4302',
      spec: 'Protocol, Error codes (4302)',
      async play(stage) {
        const client = await stage.wire()
        const watchlist = Array.from({ length: 101 }, () => stage.name())
        await client.signIn({ id: stage.name(), watchlist })
        await client.expectError('101 watched users', 4302)
      },
    },
  ],
}
