declare module 'parse-prometheus-text-format' {
  /** @throws where a line is none of the format */
  export default function parse(text: string): unknown
}
