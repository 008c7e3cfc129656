/** Frames of pages, and what they show while there is nothing, or something is wrong. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ApiError } from '../api'
import type { Loaded } from '../use'
import { Button } from './controls'
import { Time } from './values'

type PageProps = {
  readonly title: ComponentChildren
  /** For the window, where the title is more than text. */
  readonly name?: string
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}

/** One per page. The heading gets the focus when the page is entered, so that it is read. */
export function Page({ title, name, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  const text = name ?? (typeof title === 'string' ? title : undefined)
  useEffect(() => {
    if (text !== undefined) document.title = `${text} · Carillon`
  }, [text])
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  return (
    <>
      <header class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  )
}

/** Appears only where it takes long, so that fast pages do not flicker. */
export const Loading = () => (
  <p class="loading" role="status">
    Loading …
  </p>
)

type FailureProps = { readonly error: ApiError; readonly onRetry: () => void }

export const Failure = ({ error, onRetry }: FailureProps) =>
  error.status === 404 ? (
    <Gone />
  ) : (
    <div class="failure" role="alert">
      <p>{error.message}</p>
      <Button onClick={onRetry}>Try again</Button>
    </div>
  )

/** What does not exist and what a token does not reach have the same answer. */
const Gone = () => (
  <div class="failure" role="alert">
    <p>There is no such thing, or it is not for you.</p>
    <p>
      <a href="#/apps">Show the apps</a>
    </p>
  </div>
)

/** Why an action has failed; nothing where it has not. */
export const ErrorLine = ({ error }: { readonly error: ApiError | undefined }) =>
  error ? (
    <p class="error" role="alert">
      {error.message}
      {error.retryAfterSeconds && ` Try again in ${error.retryAfterSeconds} s.`}
    </p>
  ) : null

type StaleProps = { readonly error: ApiError; readonly at: number; readonly onRetry: () => void }

/** Above what cannot be had again. */
const Stale = ({ error, at, onRetry }: StaleProps) => (
  <div class="stale" role="status">
    {error.message}. This is what was there at <Time at={at} />.{' '}
    <Button onClick={onRetry}>Try again</Button>
  </div>
)

type ShowProps<T> = { readonly of: Loaded<T>; readonly children: (value: T) => ComponentChildren }

/** What was loaded; until then that it is being loaded, or why it cannot be. */
export function Show<T>({ of, children }: ShowProps<T>) {
  if (of.state === 'loading') return <Loading />
  if (of.state === 'failed') return <Failure error={of.error} onRetry={of.reload} />
  return (
    <>
      {of.stale && <Stale error={of.stale} at={of.at} onRetry={of.reload} />}
      {children(of.value)}
    </>
  )
}

type EmptyProps = { readonly title: string; readonly children?: ComponentChildren }

/** Instead of an empty list: says what to do next. */
export const Empty = ({ title, children }: EmptyProps) => (
  <div class="empty">
    <h2>{title}</h2>
    {children}
  </div>
)

type TabsProps = {
  readonly label: string
  readonly tabs: readonly {
    readonly title: string
    readonly href: string
    readonly isCurrent: boolean
  }[]
}

/** Links, so that each tab has an address. */
export const Tabs = ({ label, tabs }: TabsProps) => (
  <nav class="tabs" aria-label={label}>
    {tabs.map(({ title, href, isCurrent }) => (
      <a key={href} href={href} aria-current={isCurrent ? 'page' : undefined}>
        {title}
      </a>
    ))}
  </nav>
)
