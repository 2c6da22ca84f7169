// Filters as the terms that are joined in them: what chips show, and take away.
//
// The grammar is the servers' (docs/filters.md); only they judge a filter. Here it is cut into
// its outermost terms, with quotes and parentheses left whole.

const TERM = /"(?:\\.|[^"\\])*"?|[()]|\s+|[^\s()"]+/gs
const JOINS = new Set(['=', '!=', '<', '<=', '>', '>=', ':', '-', 'NOT'])

/** The outermost terms that are joined by AND; one term where OR joins them. */
export function termsOf(filter: string): string[] {
  const words = wordsOf(filter)
  if (words.includes('OR')) return [filter.trim()]
  const terms: string[] = []
  let isOpen = false
  for (const word of words) {
    if (word === 'AND') continue
    const last = terms.length - 1
    if (isOpen || (last >= 0 && startsJoin(word))) terms[last] += glue(terms[last] ?? '', word)
    else terms.push(word)
    isOpen = endsJoin(word)
  }
  return terms
}

export function withTerm(filter: string, term: string): string {
  return [...termsOf(filter), term].join(' ')
}

export function withoutTerm(filter: string, term: string): string {
  return termsOf(filter)
    .filter((each) => each !== term)
    .join(' ')
}

/** Words at the outermost level; what is in parentheses is one with what it stands at. */
function wordsOf(filter: string): string[] {
  const words = ['']
  let depth = 0
  for (const [part] of filter.matchAll(TERM)) {
    if (part === '(') depth += 1
    if (part === ')') depth -= 1
    if (depth === 0 && /^\s/.test(part)) words.push('')
    else words[words.length - 1] += part
  }
  return words.filter(Boolean)
}

function startsJoin(word: string): boolean {
  return /^(!=|[<>]=?|=|:)/.test(word)
}

function endsJoin(word: string): boolean {
  return JOINS.has(word) || /(!=|[<>]=?|=|:)$/.test(word)
}

function glue(term: string, word: string): string {
  return /:$/.test(term) || word.startsWith(':') ? word : ` ${word}`
}
