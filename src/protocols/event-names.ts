/** Reserved event names: those that a client would take for its protocol's own. */

const PUSHER = /^pusher(?:_internal)?:/
/** phoenix.js would close, rejoin, or believe a reply or a list of members; none of these has a colon. */
const PHOENIX = /^(?:(?:phx_|chan_reply_)[^:]*|presence_(?:state|diff))$/

/** True for names that no backend may send. */
export const isReservedByPusher = (event: string): boolean => PUSHER.test(event)

/** True for names that must not reach a Phoenix client. */
export const isReservedByPhoenix = (event: string): boolean => PHOENIX.test(event)

/** True for names that no event may have which reaches Phoenix clients under its own name. */
export const isReserved = (event: string): boolean => PHOENIX.test(event) || PUSHER.test(event)
