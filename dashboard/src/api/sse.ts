// Server-sent events out of bytes that come in any pieces.

export type ServerEvent = { id: string; event: string; data: string }

/** Takes text as it comes; answers the events that it completes. */
export class EventParser {
  private rest = ''
  private id = ''
  private event = ''
  private data: string[] = []

  push(text: string): ServerEvent[] {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() ?? ''
    return lines.flatMap((line) => this.line(line.replace(/\r$/, '')) ?? [])
  }

  private line(line: string): ServerEvent | undefined {
    if (line === '') return this.dispatch()
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (name === 'id') this.id = value
    else if (name === 'event') this.event = value
    else if (name === 'data') this.data.push(value)
    return undefined
  }

  private dispatch(): ServerEvent | undefined {
    const { id, event, data } = this
    this.id = this.event = ''
    this.data = []
    return data.length > 0 ? { id, event: event || 'message', data: data.join('\n') } : undefined
  }
}

/** The events of a body, in order; ends with it. `alive` hears of every piece, comments too. */
export async function* events(body: ReadableStream<Uint8Array>, alive: () => void) {
  const parser = new EventParser()
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      alive()
      yield* parser.push(value)
    }
  } finally {
    // What is behind a broken reader is gone already.
    reader.cancel().catch(() => undefined)
  }
}
