/**
 * InFlight: requests that wait for their bodies or for our answer, limited by address and in total. Past
 * that they are refused and their connections closed, since each holds a file descriptor. Polls and
 * streams of sessions are not counted here: they wait by design, and sessions count as connections.
 */
import { AddressCounts, quotaKeyOf } from '../core/addresses'
import type { Core } from '../core/core'
import { RealtimeError, refusal, type Refusal } from '../core/errors'
import type { MaybePromise } from '../core/maybe-promise'
import type { Addresses } from './address'
import type { AppRequests } from './app-requests'
import { explain } from './errors'
import { REQUEST_ID, requestIdFrom } from './headers'

/** A request that was not answered at once. */
type Waiting = { readonly request: Request; key: string | undefined }

const RETRY_AFTER_SECONDS = 1
/** So few are never too many and are not counted: counting costs a twentieth of a trigger. */
const FEW = 32

export type InFlightOptions = {
  readonly addresses: Addresses
  readonly appRequests: AppRequests
  /** All that wait. */
  readonly maxRequests: number
}

export class InFlight {
  #count = 0
  /** Not yet counted by address, which costs 0.4 µs each: no address holds too many while all together hold fewer. */
  readonly #uncounted = new Set<Waiting>()
  readonly #byAddress: AddressCounts
  readonly #few: number

  readonly addresses: Addresses
  readonly appRequests: AppRequests
  readonly maxRequests: number

  constructor(
    readonly core: Core,
    { addresses, appRequests, maxRequests }: InFlightOptions,
  ) {
    this.addresses = addresses
    this.appRequests = appRequests
    this.maxRequests = maxRequests
    const ofAddress = core.limits.maxRequestsPerAddress
    this.#byAddress = new AddressCounts(ofAddress)
    this.#few = Math.floor(Math.min(FEW, maxRequests / 4, (ofAddress || maxRequests) / 4))
  }

  /** The answer of `respond`, or a refusal. */
  answer(request: Request, respond: () => MaybePromise<Response>): MaybePromise<Response> {
    if (this.addresses.pending <= this.#few) return respond()
    const refused = this.#check(request)
    if (refused) return this.#refuse(request, refused)
    const response = respond()
    if (response instanceof Promise) this.#begin(response, { request, key: undefined })
    return response
  }

  #begin(answering: Promise<unknown>, waiting: Waiting): void {
    this.#count++
    this.#uncounted.add(waiting)
    const end = (): void => {
      this.#count--
      this.#uncounted.delete(waiting)
      if (waiting.key !== undefined) this.#byAddress.remove(waiting.key)
    }
    answering.then(end, end)
  }

  #countAddresses(): void {
    for (const waiting of this.#uncounted) {
      waiting.key = quotaKeyOf(this.addresses.of(waiting.request))
      if (waiting.key !== undefined) this.#byAddress.add(waiting.key)
    }
    this.#uncounted.clear()
  }

  #check(request: Request): Refusal | undefined {
    const { maxRequests: most } = this
    // Probes (`/up`, `/ready`) have no body and are answered.
    if (this.#count >= most && request.method !== 'GET')
      return refusal(
        'node_over_capacity',
        `Server is over its limit of ${most} requests (CARILLON_MAX_REQUESTS)`,
      )
    const { most: ofAddress } = this.#byAddress
    if (ofAddress === 0 || this.#count < ofAddress) return undefined
    this.#countAddresses()
    const key = quotaKeyOf(this.addresses.of(request))
    if (key === undefined || !this.#byAddress.isFull(key)) return undefined
    const limit = `${ofAddress} requests (CARILLON_MAX_REQUESTS_PER_ADDRESS)`
    return refusal('address_over_quota', `Address ${key} is over its limit of ${limit}`)
  }

  #refuse(request: Request, { code, message }: Refusal): Response {
    this.core.counters.requestsRefused++
    const id = requestIdFrom(request.headers.get(REQUEST_ID))
    const error = new RealtimeError(code, message, { retryAfterSeconds: RETRY_AFTER_SECONDS })
    const app = this.appRequests.find(request)?.app
    const failure = { error, request, requestId: id, addresses: this.addresses, app }
    const { status, body, type, headers } = explain(this.core, failure)
    const own = { 'content-type': type, [REQUEST_ID]: id, connection: 'close' }
    return new Response(body, { status, headers: { ...headers, ...own } })
  }
}
