export const TIME_FORMS = [
  ['none', 'No times'],
  ['local', 'Local time'],
  ['utc', 'UTC'],
] as const
export type TimeForm = (typeof TIME_FORMS)[number][0]

/** "13:04:05.123". */
export function timeOf(time: string | undefined, form: TimeForm): string {
  if (!time) return ''
  const date = new Date(time)
  if (form === 'utc') return date.toISOString().slice(11, 23)
  const two = (value: number) => String(value).padStart(2, '0')
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
