type LabelMap = { [key: string]: string }

/** Labels of lines like "team=vision"; a line without "=" is a key alone. */
export function labelsOf(text: string): LabelMap {
  const lines = text.split('\n').map((line) => line.trim())
  return Object.fromEntries(lines.filter(Boolean).map(pairOf))
}

export function textOf(labels: LabelMap): string {
  return Object.entries(labels)
    .map(([key, value]) => (value ? `${key}=${value}` : key))
    .join('\n')
}

function pairOf(line: string): [key: string, value: string] {
  const at = line.indexOf('=')
  return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
}
