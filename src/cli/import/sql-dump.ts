/**
 * SQL dumps: the rows of one table in the text that mysqldump and pg_dump write: INSERT with constants, and COPY.
 * Nothing is executed. Statements about other tables are passed over; one about this table that is none of those, and
 * text that is no SQL, end it with their line.
 */
import { CommandError } from '../exits'
import type { Source } from './source-file'
import { MAX_APPS } from './source-file'
import { fieldBetweenTabs, type TableRow } from './table-text'

type Token = {
  readonly kind: 'word' | 'name' | 'text' | 'number' | 'body' | 'sign'
  readonly value: string
  readonly at: number
}

/** Comments, and what pg_dump tells psql. */
const SPACE = /(?:\s+|--[^\n]*|#[^\n]*|\\(?:(?:un)?restrict|connect)\b[^\n]*|\/\*[^]*?\*\/)*/y
/** MySQL's texts have escapes with a backslash, PostgreSQL's only those that begin with an E. */
const MYSQL_TEXT = /(?:_[a-z]\w*\s*|N)?'([^'\\]*(?:(?:\\[^]|'')[^'\\]*)*)'/iy
const TEXT = /'([^']*(?:''[^']*)*)'/y
const ESCAPED_TEXT = /E'([^'\\]*(?:(?:\\[^xuU0-7]|'')[^'\\]*)*)'/iy
const NAME = /`((?:[^`]|``)*)`|"((?:[^"]|"")*)"/y
/** MySQL's constants of BIT and BINARY columns: b'101', 0x2A, x'2A'. */
const BITS = /b'([01]+)'|(?:0x([\da-f]+)|x'([\da-f]+)')/iy
/** The body of a function in PostgreSQL: $$ ... $$, $tag$ ... $tag$. */
const BODY = /\$(\w*)\$[^]*?\$\1\$/y
const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/iy
const WORD = /[a-z_][\w$]*/iy
const MYSQL_ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '0': '\0',
  b: '\b',
  Z: '\u001a',
}

/** The rows of the table. @throws CommandError with the line of what is not understood */
export function rowsOfDump(source: Source, table: string): readonly TableRow[] {
  return new Dump(source, table).rows()
}

/** Tells the two dialects apart by what stands outside of values, which may hold anything. */
const isMysql = (text: string): boolean =>
  !/^-- PostgreSQL database dump/m.test(text) &&
  /^[^'"\n]*`|^\/\*!|^-- (?:MySQL|MariaDB) dump/m.test(text)

class Dump {
  readonly #source: Source
  readonly #table: string
  readonly #isMysql: boolean
  #at = 0
  #line = 1
  /** Where that line begins. */
  #counted = 0
  /** Of the table's own CREATE TABLE: mysqldump's INSERTs name no columns. */
  #columns: readonly string[] = []
  readonly #rows: TableRow[] = []

  constructor(source: Source, table: string) {
    this.#source = source
    this.#table = table
    this.#isMysql = isMysql(source.text)
  }

  rows(): readonly TableRow[] {
    for (let token = this.#next(); token; token = this.#next()) this.#statement(token)
    return this.#rows
  }

  #statement(first: Token): void {
    const verb = first.kind === 'word' ? first.value.toUpperCase() : ''
    if (verb === '' && first.value === ';') return
    if (verb === 'CREATE' || verb === 'INSERT' || verb === 'REPLACE' || verb === 'COPY') {
      const name = this.#tableName(verb)
      if (verb === 'COPY') return this.#copy(first, name)
      if (name === this.#table) return verb === 'CREATE' ? this.#create() : this.#insert(first)
    } else if (CHANGES.has(verb)) {
      if (this.#tableName(verb) === this.#table) throw this.#stranger(first)
    } else if (!PASSED.has(verb)) throw this.#stranger(first)
    this.#toEnd()
  }

  /** The name after the verb, without its schema; empty where the statement is about no table. */
  #tableName(verb: string): string {
    let token = this.#next()
    if (verb === 'CREATE' && token?.value.toUpperCase() !== 'TABLE') return ''
    while (token?.kind === 'word' && BETWEEN.has(token.value.toUpperCase())) token = this.#next()
    if (token?.kind !== 'word' && token?.kind !== 'name') return ''
    let { value } = token
    while (this.#peek()?.value === '.') {
      this.#next()
      value = this.#next()?.value ?? ''
    }
    return value
  }

  /** The first word of each part between the brackets, where it is a column's name. */
  #create(): void {
    this.#expect('(')
    const columns: string[] = []
    for (let depth = 1, isFirst = true; depth > 0;) {
      const token = this.#need()
      if (
        isFirst &&
        token.kind !== 'sign' &&
        !(token.kind === 'word' && this.#isKey(token.value.toUpperCase()))
      )
        columns.push(token.value)
      isFirst = depth === 1 && token.kind === 'sign' && token.value === ','
      if (token.kind === 'sign' && '(['.includes(token.value)) depth++
      if (token.kind === 'sign' && ')]'.includes(token.value)) depth--
    }
    this.#columns = columns
    this.#toEnd()
  }

  /** MySQL has `KEY name (column)`; in PostgreSQL that word may be a column, as it is in this table. */
  #isKey = (word: string): boolean => KEYS.has(word) || (this.#isMysql && MYSQL_KEYS.has(word))

  #insert(first: Token): void {
    const columns = this.#peek()?.value === '(' ? this.#names() : this.#columns
    if (columns.length === 0)
      throw this.#error(first.at, 'the INSERT names no columns, and no CREATE TABLE before it does')
    this.#pass('OVERRIDING', 'SYSTEM', 'VALUE')
    const word = this.#need()
    if (word.value.toUpperCase() !== 'VALUES') throw this.#stranger(word)
    do {
      const { at } = this.#expect('(')
      const values: unknown[] = []
      do values.push(this.#constant())
      while (this.#takes(','))
      this.#expect(')')
      this.#add(at, columns, values)
    } while (this.#takes(','))
    this.#pass('ON', 'CONFLICT', 'DO', 'NOTHING')
    this.#expect(';')
  }

  /** Passes over words that change no row, where the first of them comes next. @throws CommandError */
  #pass(...words: readonly string[]): void {
    if (this.#peek()?.value.toUpperCase() !== words[0]) return
    for (const word of words) {
      const token = this.#need()
      if (token.value.toUpperCase() !== word) throw this.#stranger(token)
    }
  }

  #names(): readonly string[] {
    this.#expect('(')
    const names: string[] = []
    do {
      const token = this.#need()
      if (token.kind !== 'word' && token.kind !== 'name') throw this.#stranger(token)
      names.push(token.value)
    } while (this.#takes(','))
    this.#expect(')')
    return names
  }

  #constant(): unknown {
    const token = this.#need()
    if (token.kind === 'text') {
      // PostgreSQL's casts: '[]'::json.
      if (this.#takes(':')) {
        this.#expect(':')
        this.#need()
      }
      return token.value
    }
    if (token.kind === 'number') return token.value
    const constant = token.kind === 'word' ? CONSTANTS.get(token.value.toUpperCase()) : undefined
    if (constant === undefined) throw this.#stranger(token)
    return constant
  }

  /** The lines after the statement, to one that is `\.`. */
  #copy(first: Token, name: string): void {
    const columns = this.#peek()?.value === '(' ? this.#names() : this.#columns
    this.#toEnd()
    const { text } = this.#source
    let start = text.indexOf('\n', this.#at) + 1
    const end = text.indexOf('\n\\.', start - 1)
    if (start === 0 || end === -1)
      throw this.#error(first.at, 'the COPY has no end: expected a line of \\.')
    if (name === this.#table)
      for (const line of text.slice(start, end).split('\n')) {
        if (line !== '' || end > start)
          this.#add(
            start,
            columns,
            line.split('\t').map((field) => fieldBetweenTabs(field, '\\N')),
          )
        start += line.length + 1
      }
    this.#at = end + 3
  }

  #add(at: number, columns: readonly string[], values: readonly unknown[]): void {
    if (values.length !== columns.length)
      throw this.#error(
        at,
        `has ${values.length} values; expected ${columns.length}, as it has columns`,
      )
    if (this.#rows.length === MAX_APPS)
      throw this.#error(at, `there are more than ${MAX_APPS} apps, which is the limit`)
    this.#rows.push({
      place: this.#placeOf(at),
      columns: Object.fromEntries(columns.map((column, index) => [column, values[index]])),
    })
  }

  // ---------------------------------------------------------------- tokens

  #toEnd(): void {
    for (let token = this.#next(); token && !(token.kind === 'sign' && token.value === ';');)
      token = this.#next()
  }

  #takes(sign: string): boolean {
    const token = this.#peek()
    if (token?.kind !== 'sign' || token.value !== sign) return false
    this.#next()
    return true
  }

  /** @throws CommandError for any other token */
  #expect(sign: string): Token {
    const token = this.#need()
    if (token.kind !== 'sign' || token.value !== sign) throw this.#stranger(token)
    return token
  }

  #need(): Token {
    const token = this.#next()
    if (!token) throw this.#error(this.#at, 'the file ends amid a statement')
    return token
  }

  #peek(): Token | undefined {
    const at = this.#at
    const token = this.#next()
    this.#at = at
    return token
  }

  /** The next token; undefined at the end. */
  #next(): Token | undefined {
    this.#take(SPACE)
    const at = this.#at
    const { text } = this.#source
    if (at >= text.length) return undefined
    const [, name, quoted] = this.#take(NAME) ?? []
    if (name !== undefined || quoted !== undefined) {
      // MySQL may have texts in double quotes, which mysqldump does not write.
      return {
        kind: 'name',
        value: name?.replaceAll('``', '`') ?? quoted!.replaceAll('""', '"'),
        at,
      }
    }
    const [, plain] = (this.#isMysql ? undefined : this.#take(TEXT)) ?? []
    if (plain !== undefined) return { kind: 'text', value: plain.replaceAll("''", "'"), at }
    const [, escaped] = this.#take(this.#isMysql ? MYSQL_TEXT : ESCAPED_TEXT) ?? []
    if (escaped !== undefined) return { kind: 'text', value: unescape(escaped), at }
    const bits = this.#isMysql ? this.#take(BITS) : undefined
    if (bits) return { kind: 'number', value: textOfBits(bits), at }
    if (!this.#isMysql && this.#take(BODY)) return { kind: 'body', value: '', at }
    const number = this.#take(NUMBER)
    if (number) return { kind: 'number', value: number[0], at }
    const word = this.#take(WORD)
    if (word) return { kind: 'word', value: word[0], at }
    this.#at++
    return { kind: 'sign', value: text[at]!, at }
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#source.text)
    if (match) this.#at = pattern.lastIndex
    return match
  }

  /** Places are asked for in their order, so that the text is walked over once. */
  #placeOf = (at: number): string => {
    const { text } = this.#source
    for (let end = text.indexOf('\n', this.#counted); end !== -1 && end < at;) {
      this.#line++
      this.#counted = end + 1
      end = text.indexOf('\n', this.#counted)
    }
    return `${this.#source.name}:${this.#line}`
  }
  #error = (at: number, about: string): CommandError =>
    new CommandError('failed', `${this.#placeOf(at)}: ${about}`)
  /** What stands there is not shown: it may be a secret. */
  #stranger = ({ at }: Token): CommandError =>
    this.#error(
      at,
      'not understood: expected INSERT with constants or COPY, as mysqldump and pg_dump write them for this table alone',
    )
}

/** A switch in a BIT column as its number; what else is in hex is the text of a VARBINARY. */
function textOfBits([, binary, ...hexes]: RegExpExecArray): string {
  if (binary !== undefined) return String(Number(`0b${binary}`))
  const hex = hexes[0] ?? hexes[1]!
  return /^0*[01]$/.test(hex) ? String(Number(hex)) : Buffer.from(hex, 'hex').toString()
}

const unescape = (text: string): string =>
  text.replaceAll(/''|\\([^])/g, (sign, letter?: string) =>
    letter === undefined ? sign[0]! : (MYSQL_ESCAPES[letter] ?? letter),
  )

const CONSTANTS = new Map<string, unknown>([
  ['NULL', null],
  ['TRUE', true],
  ['FALSE', false],
])
/** Statements of dumps that are about no rows. */
const PASSED = new Set([
  'SET',
  'LOCK',
  'UNLOCK',
  'SELECT',
  'USE',
  'BEGIN',
  'START',
  'COMMIT',
  'DROP',
  'GRANT',
  'REVOKE',
  'COMMENT',
  'ALTER',
])
/** Those that may be, and change a table. */
const CHANGES = new Set(['UPDATE', 'DELETE', 'TRUNCATE', 'MERGE'])
/** Words between a verb and the table. */
const BETWEEN = new Set(['TABLE', 'IF', 'NOT', 'EXISTS', 'ONLY', 'INTO', 'IGNORE', 'FROM'])
/** What may stand in a CREATE TABLE in the place of a column. */
const KEYS = new Set(['PRIMARY', 'UNIQUE', 'CONSTRAINT', 'FOREIGN', 'CHECK', 'EXCLUDE'])
const MYSQL_KEYS = new Set(['KEY', 'INDEX', 'FULLTEXT', 'SPATIAL'])
