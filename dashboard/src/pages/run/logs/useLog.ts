// The lines of a log: in pieces of a thousand, read where they are looked at; new ones as they come.

import type { LogLine } from '@contract/workspace'
import { GetLogStream, ReadLogs, TailLogs } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { followLog } from '@/api/tail'
import { useProject } from '@/app/project'
import { tellExpiry } from '@/app/queries'
import { useSignIns } from '@/app/useSignIns'
import { CHUNK, Chunks } from './chunks'

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
  const [chunks] = useState(() => new Chunks())
  const next = useRef<string>(undefined)
  const signIns = useSignIns()
  const [, setVersion] = useState(0)
  const [followed, setFollowed] = useState(0)
  const [error, setError] = useState<unknown>()
  const changed = useCallback(() => setVersion((version) => version + 1), [])
  const start = stream.data?.nextOffset
  const isOpen = stream.data?.state === 'LOG_STREAM_STATE_OPEN'
  const total = Math.max(Number(start ?? 0), followed)

  const keep = useCallback(
    (lines: LogLine[]) => {
      chunks.keep(lines)
      changed()
    },
    [chunks, changed],
  )

  // biome-ignore lint/correctness/useExhaustiveDependencies: what was refused is asked for again after a sign-in.
  const show = useCallback(
    (from: number, to: number) => {
      for (const chunk of chunks.see(from, to)) {
        client.call(ReadLogs, { logStream: name, offset: String(chunk * CHUNK), maxLines: CHUNK }).then(
          (page) => {
            setError(undefined)
            keep(page.lines)
          },
          (failure: unknown) => {
            chunks.missed(chunk)
            tellExpiry(failure)
            setError(failure)
          },
        )
      }
    },
    [client, name, chunks, keep, signIns],
  )

  // biome-ignore lint/correctness/useExhaustiveDependencies: a log that the session's end broke off is gone on with.
  useEffect(() => {
    if (!isOpen || start === undefined) return
    const stopping = new AbortController()
    const open = (offset: string, signal: AbortSignal) =>
      client.open(TailLogs, { logStream: name, offset }, { signal })
    const onLines = ({ lines, nextOffset }: { lines: LogLine[]; nextOffset: string }) => {
      setError(undefined)
      setFollowed(Number(nextOffset))
      next.current = nextOffset
      keep(lines)
    }
    const onError = (failure: unknown) => {
      tellExpiry(failure)
      setError(failure)
    }
    void followLog(open, next.current ?? start, { onLines, onError }, stopping.signal)
    return () => stopping.abort()
  }, [client, name, isOpen, start, keep, signIns])

  const line = useCallback((at: number) => chunks.line(at), [chunks])
  return { total, isOpen, line, show, error: stream.error ?? error, isPending: stream.isPending }
}
