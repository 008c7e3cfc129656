/**
 * COLOURS: one for each side, in charts, legends and tables alike. A side is a class, `side-N` by its
 * place among those of the page: a name may be anything.
 */
import type { Side } from './sides'

type Colour = readonly [light: string, dark: string]

const FIXED: Readonly<Record<Side, Colour>> = {
  carillon: ['#b5472a', '#ef7d5c'],
  bare: ['#7d8490', '#99a1ad'],
  soketi: ['#3f66c0', '#7f9fe8'],
  sockudo: ['#1e8577', '#4fc3b1'],
  centrifugo: ['#8a5bb8', '#b995e6'],
}

/** SPARE: colours for Carillon in other configurations and for servers of the command line, in turn. */
const SPARE: readonly Colour[] = [
  ['#a87d12', '#dcb54b'],
  ['#b83d7a', '#ec84b4'],
  ['#5d7a1f', '#a3c261'],
  ['#2a7fa8', '#6fc0e6'],
  ['#87583a', '#c69a7c'],
  ['#50577a', '#a9afd2'],
]

export class Colours {
  readonly #sides: readonly Side[]

  constructor(sides: Iterable<Side>) {
    this.#sides = [...new Set(sides)]
  }

  /** The class of the elements that stand for a side. */
  classOf(side: Side): string {
    return `side-${this.#sides.indexOf(side)}`
  }

  /** Rules that give each class its `--side`. */
  get css(): string {
    const spare = this.#sides.filter((side) => !Object.hasOwn(FIXED, side))
    const colourOf = (side: Side): Colour =>
      Object.hasOwn(FIXED, side) ? FIXED[side]! : SPARE[spare.indexOf(side) % SPARE.length]!
    const rules = (shade: 0 | 1): string =>
      this.#sides
        .map((side) => `.${this.classOf(side)} { --side: ${colourOf(side)[shade]} }`)
        .join('\n')
    return `${rules(0)}\n@media (prefers-color-scheme: dark) {\n${rules(1)}\n}`
  }
}
