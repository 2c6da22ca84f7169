import { type LogFilter, type LogLine, ReadLogs } from '@contract/workspace'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useProject } from '@/app/project'

const ENOUGH = 200

/** Lines that meet a filter: the server looks through the whole log. */
export function useMatches(logStream: string, filter: Partial<LogFilter>) {
  const { client, key } = useProject()
  return useInfiniteQuery({
    queryKey: [...key, 'log-matches', logStream, filter],
    initialPageParam: '0',
    queryFn: async ({ pageParam, signal }) => {
      const lines: LogLine[] = []
      let offset = pageParam
      // A page may hold none though some follow.
      for (;;) {
        const page = await client.call(ReadLogs, { logStream, offset, maxLines: 1000, filter }, { signal })
        lines.push(...page.lines)
        const isAtEnd = page.endOfStream || page.nextOffset === offset
        offset = page.nextOffset
        if (isAtEnd || lines.length >= ENOUGH) return { lines, next: isAtEnd ? undefined : offset }
      }
    },
    getNextPageParam: (page) => page.next,
  })
}
