// Runs side by side: their facts as columns, and the rows that these make.
import type { Run } from '@contract/workspace'
import { useMemo } from 'react'
import { useProject } from '@/app/project'
import { type Facts, factsOf } from './facts'
import { type Row, rowsOf } from './rows'
import { useCodes, useHashes } from './useBeside'
import { useComparedRuns, useComparedSteps } from './useCompared'

export type Comparison = {
  /** Each run that is asked for; undefined for one that is not there. */
  runs: (Run | undefined)[]
  rows: Row[]
  /** Why nothing can be shown, or why not all can. */
  error: Error | null
  isPending: boolean
  /** Whether steps, code or artifacts are still being read. */
  isReading: boolean
  retry: () => unknown
}

export function useComparison(ids: readonly string[]): Comparison {
  const { name: project } = useProject()
  const found = useComparedRuns(ids)
  const runs = useMemo(
    () => ids.map((id) => found.runs.get(`${project}/runs/${id}`)),
    [ids, found.runs, project],
  )
  const known = useMemo(() => runs.flatMap((run) => (run ? [run.name] : [])), [runs])
  const snapshots = useMemo(
    () => [...new Set(runs.flatMap((run) => (run?.snapshot ? [run.snapshot] : [])))],
    [runs],
  )
  const { steps, error: stepsError } = useComparedSteps(known)
  const { codes, error: codesError } = useCodes(snapshots)
  const all = useMemo(() => steps && [...steps.values()].flat(), [steps])
  const { hashes, error: hashesError } = useHashes(all)
  const rows = useMemo(() => {
    const hashOf = hashes && ((version: string) => hashes.get(version) ?? '')
    const columnOf = (run: Run | undefined): Facts | undefined =>
      run &&
      factsOf(run, {
        ...(steps && { steps: steps.get(run.name) ?? [] }),
        ...(codes?.get(run.snapshot) && { code: codes.get(run.snapshot) }),
        ...(hashOf && { hashOf }),
      })
    return rowsOf(runs.map(columnOf))
  }, [runs, steps, codes, hashes])
  const error = found.error ?? stepsError ?? codesError ?? hashesError
  const { isPending, refetch } = found
  return { runs, rows, error, isPending, isReading: !error && !(steps && codes && hashes), retry: refetch }
}
