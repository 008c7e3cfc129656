/** `bun run openapi` writes the document of this version's routes beside this file. */
import { currentDocument, DOCUMENT_FILE } from './current'

await Bun.write(DOCUMENT_FILE, JSON.stringify(await currentDocument(), null, 2))
console.log(`wrote ${DOCUMENT_FILE}`)
