/** Who this window is: somebody with a name from the address (`?name=Ada`), else one of these; the same after a reload. */
const NAMES = ['Ada', 'Ben', 'Cleo', 'Dov', 'Ema', 'Finn', 'Gus', 'Hana', 'Ivo', 'June']

type Me = { readonly id: string; readonly name: string }

function find(): Me {
  const wanted = new URLSearchParams(location.search).get('name')?.slice(0, 60)
  const kept = JSON.parse(sessionStorage.getItem('me') ?? 'null') as Me | null
  if (kept && (!wanted || wanted === kept.name)) return kept
  const random = crypto.getRandomValues(new Uint32Array(2))
  const name = wanted || NAMES[random[0]! % NAMES.length]!
  const made = { id: random.join('-'), name }
  sessionStorage.setItem('me', JSON.stringify(made))
  return made
}

export const me = find()
