// oxlint-disable-next-line typescript/triple-slash-reference -- for whoever compiles a file that imports this one
/// <reference path="../scripts/lua.d.ts" />
/**
 * Script: what Redis carries out for a node, all of it at once and nothing between. The files are in `scripts/`;
 * each begins with what all have in common. A script finds the prefix of its place in KEYS[1], and in ARGV what
 * `Link.run` was given.
 */
import base from '../scripts/base.lua' with { type: 'text' }
import common from '../scripts/common.lua' with { type: 'text' }

export type Script = {
  /** Short, for messages about it. */
  readonly name: string
  readonly text: string
}

/** Joins what all scripts have in common, what some have besides, and the text of one file. */
export const newScript = (name: string, text: string, besides = ''): Script => ({
  name,
  text: `${base}\n${common}\n${besides}\n${text}`,
})

/** A script that is about no seats, counts and facts: it goes without what those have in common. */
export const newLeanScript = (name: string, text: string, besides = ''): Script => ({
  name,
  text: `${base}\n${besides}\n${text}`,
})

/** A script that goes without what the others have in common. */
export const newBareScript = (name: string, text: string): Script => ({ name, text })
