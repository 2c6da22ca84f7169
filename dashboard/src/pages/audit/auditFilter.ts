// What somebody asks of the audit log, as its address says it and as the control plane takes it.

export const QUESTIONS = ['who', 'what', 'on', 'outcome', 'where', 'when', 'from', 'until'] as const
/** Times are ISO 8601: a colleague elsewhere means the same moment. */
export type Question = { [field in (typeof QUESTIONS)[number]]?: string }

/** Everything that was not done, whyever. */
export const REFUSED = 'refused'
/** Between two times; any other `when` is an age, such as "24h". */
export const BETWEEN = 'between'

/** `actor` is the subject of whoever `who` means. */
export function filterOf(question: Question, actor: string): string {
  const { what, on, outcome, where } = question
  const terms = [
    is('actor', actor),
    is('action', what),
    is('resource', on),
    is('workspace', where),
    outcome && (outcome === REFUSED ? 'outcome != OK' : `outcome = ${JSON.stringify(outcome)}`),
    ...times(question),
  ]
  return terms.filter(Boolean).join(' ')
}

function is(field: string, value: string | undefined): string {
  return value ? `${field} = ${JSON.stringify(value)}` : ''
}

function times({ when, from, until }: Question): string[] {
  if (!when) return []
  if (when !== BETWEEN) return [`time > now()-${JSON.stringify(when)}`]
  return [from ? `time >= ${JSON.stringify(from)}` : '', until ? `time < ${JSON.stringify(until)}` : '']
}
