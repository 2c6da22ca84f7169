// The lines of a log that are in memory: in pieces of a thousand, those around what is looked at.
import type { LogLine } from '@contract/workspace'

export const CHUNK = 1000
// On either side of what is in sight; a log has millions of lines, and is open for days.
const REACH = 25

const chunkOf = (line: number) => Math.floor(line / CHUNK)

export class Chunks {
  private readonly lines = new Map<number, LogLine[]>()
  private readonly asked = new Set<number>()
  private first = 0
  private last = Number.POSITIVE_INFINITY

  /** A line, where it is in memory. */
  line(at: number): LogLine | undefined {
    return this.lines.get(chunkOf(at))?.[at % CHUNK]
  }

  keep(lines: LogLine[]): void {
    for (const line of lines) {
      const at = Number(line.offset)
      const chunk = this.lines.get(chunkOf(at)) ?? []
      chunk[at % CHUNK] = line
      this.lines.set(chunkOf(at), chunk)
    }
    this.forget()
  }

  /** Says which lines are in sight; answers which pieces of them are to be read, each once. */
  see(from: number, to: number): number[] {
    this.first = chunkOf(from)
    this.last = chunkOf(to)
    this.forget()
    const wanted: number[] = []
    for (let chunk = this.first; chunk <= this.last; chunk += 1) {
      if (!this.asked.has(chunk)) wanted.push(chunk)
      this.asked.add(chunk)
    }
    return wanted
  }

  /** A piece could not be read: it is asked for again. */
  missed(chunk: number): void {
    this.asked.delete(chunk)
  }

  /** What is forgotten is read again where somebody comes back to it. */
  private forget(): void {
    const isFar = (chunk: number) => chunk < this.first - REACH || chunk > this.last + REACH
    for (const chunk of this.lines.keys()) if (isFar(chunk)) this.lines.delete(chunk)
    for (const chunk of this.asked) if (isFar(chunk)) this.asked.delete(chunk)
  }
}
