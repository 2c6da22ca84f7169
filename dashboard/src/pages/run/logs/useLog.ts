// The lines of a log: in pieces of a thousand, read where they are looked at; new ones as they come.

import type { LogLine } from '@contract/workspace'
import { GetLogStream, ReadLogs, TailLogs } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { followLog } from '@/api/tail'
import { useProject } from '@/app/project'
import { tellExpiry } from '@/app/queries'

export const CHUNK = 1000

export type Log = {
  /** How many lines there are so far. */
  total: number
  isOpen: boolean
  /** A line, where it has been read. */
  line: (at: number) => LogLine | undefined
  /** Reads the lines around those that are in sight. */
  show: (from: number, to: number) => void
  error: unknown
  isPending: boolean
}

export function useLog(name: string): Log {
  const { client, key } = useProject()
  const stream = useQuery({
    queryKey: [...key, 'log', name],
    queryFn: ({ signal }) => client.call(GetLogStream, { name }, { signal }),
    // What is counted here is followed from here.
    staleTime: 0,
    gcTime: 0,
  })
  const chunks = useRef(new Map<number, LogLine[]>())
  const asked = useRef(new Set<number>())
  const [, setVersion] = useState(0)
  const [followed, setFollowed] = useState(0)
  const [error, setError] = useState<unknown>()
  const changed = useCallback(() => setVersion((version) => version + 1), [])
  const start = stream.data?.nextOffset
  const isOpen = stream.data?.state === 'LOG_STREAM_STATE_OPEN'
  const total = Math.max(Number(start ?? 0), followed)

  const keep = useCallback(
    (lines: LogLine[]) => {
      for (const line of lines) {
        const at = Number(line.offset)
        const chunk = chunks.current.get(Math.floor(at / CHUNK)) ?? []
        chunk[at % CHUNK] = line
        chunks.current.set(Math.floor(at / CHUNK), chunk)
      }
      changed()
    },
    [changed],
  )

  const show = useCallback(
    (from: number, to: number) => {
      for (let chunk = Math.floor(from / CHUNK); chunk <= Math.floor(to / CHUNK); chunk += 1) {
        if (asked.current.has(chunk)) continue
        asked.current.add(chunk)
        client.call(ReadLogs, { logStream: name, offset: String(chunk * CHUNK), maxLines: CHUNK }).then(
          (page) => keep(page.lines),
          (failure: unknown) => {
            asked.current.delete(chunk)
            tellExpiry(failure)
            setError(failure)
          },
        )
      }
    },
    [client, name, keep],
  )

  useEffect(() => {
    if (!isOpen || start === undefined) return
    const stopping = new AbortController()
    const open = (offset: string, signal: AbortSignal) =>
      client.open(TailLogs, { logStream: name, offset }, { signal })
    const onLines = ({ lines, nextOffset }: { lines: LogLine[]; nextOffset: string }) => {
      setError(undefined)
      setFollowed(Number(nextOffset))
      keep(lines)
    }
    const onError = (failure: unknown) => {
      tellExpiry(failure)
      setError(failure)
    }
    void followLog(open, start, { onLines, onError }, stopping.signal)
    return () => stopping.abort()
  }, [client, name, isOpen, start, keep])

  const line = useCallback((at: number) => chunks.current.get(Math.floor(at / CHUNK))?.[at % CHUNK], [])
  return { total, isOpen, line, show, error: stream.error ?? error, isPending: stream.isPending }
}
