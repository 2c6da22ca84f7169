const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB']

/** "12 kB"; bytes come as text, since they may be more than numbers can say. */
export function size(bytes: string | number): string {
  let amount = Number(bytes)
  if (amount < 1000) return `${amount} B`
  let unit = ''
  for (const next of UNITS) {
    if (amount < 1000) break
    amount /= 1000
    unit = next
  }
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${unit}`
}
