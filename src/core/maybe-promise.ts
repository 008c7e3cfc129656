/**
 * Values that are there at once or later. Where they are there at once no promise is made and nothing waits:
 * a command then runs in one turn of the event loop.
 */
export type MaybePromise<T> = T | Promise<T>

/** Continues with the value: at once where it is there. */
export function andThen<Value, Next>(
  value: MaybePromise<Value>,
  next: (value: Value) => MaybePromise<Next>,
): MaybePromise<Next> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** What `act` makes, at once or later. Where it fails, `undo` is called before its failure goes on. */
export function orUndo<Value>(
  act: () => MaybePromise<Value>,
  undo: () => void,
): MaybePromise<Value> {
  const fail = (cause: unknown): never => {
    undo()
    throw cause
  }
  try {
    const made = act()
    return made instanceof Promise ? made.catch(fail) : made
  } catch (cause) {
    return fail(cause)
  }
}

/** All values, in their order; at once where all are there. Rejects with the first that fails. */
export function allOf<Value>(values: MaybePromise<Value>[]): MaybePromise<Value[]> {
  return values.some((value) => value instanceof Promise)
    ? Promise.all(values)
    : (values as Value[])
}
