/** An app as the admin API has it, and what pages ask of one. */
import { api } from '../api'
import { adminPath } from '../place'

export type KeyPair = { readonly key: string; readonly secret: string }

export type AppView = {
  /** A number where it is one. */
  readonly id: number | string
  readonly name: string
  readonly slug: string
  /** Of the newest pair, as is `secret`. */
  readonly key: string
  readonly secret: string
  readonly active: boolean
  readonly keys: readonly KeyPair[]
  /** Where it comes from, if not from the database. */
  readonly provided_by: string | null
  /** Milliseconds since the epoch; null where it is not from the database. */
  readonly created_at: number | null
  /** The other fields of APP_FIELDS, by name. */
  readonly [field: string]: unknown
}

type Answer<T> = { readonly data: T }

/** @throws ApiError */
export const loadApps = async (): Promise<readonly AppView[]> =>
  (await api<Answer<readonly AppView[]>>('GET', 'api/admin/apps')).data

/** @throws ApiError */
export const loadApp = async (slug: string): Promise<AppView> =>
  (await api<Answer<AppView>>('GET', adminPath(slug))).data

/** @throws ApiError whose `fields` say what is wrong */
export const createApp = async (fields: object): Promise<AppView> =>
  (await api<Answer<AppView>>('POST', 'api/admin/apps', { app: fields })).data

/** Only the fields that are named are changed. @throws ApiError whose `fields` say what is wrong */
export const changeApp = async (slug: string, fields: object): Promise<AppView> =>
  (await api<Answer<AppView>>('PATCH', adminPath(slug), { app: fields })).data

/** @throws ApiError */
export const addKeys = async (slug: string): Promise<AppView> =>
  (await api<Answer<AppView>>('POST', adminPath(slug, 'keys'))).data

/** @throws ApiError */
export const retireKeys = (slug: string, key: string): Promise<unknown> =>
  api('DELETE', adminPath(slug, `keys/${encodeURIComponent(key)}`))

/** @throws ApiError */
export const deleteApp = (slug: string): Promise<unknown> => api('DELETE', adminPath(slug))

/** True where the server has not shown the secret: the token only reads. */
export const isMasked = ({ secret }: AppView): boolean => secret === '***'
