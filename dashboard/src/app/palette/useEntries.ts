import { ListArtifacts, ListPipelines, ListRuns } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import { Code, isCode } from '@/api/errors'
import { idOf } from '@/api/session'
import { NAV } from '../nav'
import { useProject } from '../project'
import { copyEntry, entryOf, themeEntries } from './entries'
import type { Entry } from './matching'
import { usePlaces } from './usePlaces'

const RECENT = 50

/** All that the palette offers: pages, what is recent in the project, and what can be done anywhere. */
export function useEntries(): { entries: Entry[]; isPending: boolean; error: Error | null } {
  const place = useParams({ from: '/w/$workspace/p/$project' })
  const { run } = useParams({ strict: false })
  const navigate = useNavigate()
  const recent = useRecent()
  const places = usePlaces()
  const entries = useMemo(() => {
    const pages = NAV.map(({ to, label }) =>
      entryOf('Page', label, () => void navigate({ to, params: place })),
    )
    const runs = (recent.data?.runs ?? []).map(({ name, displayName }) => {
      const label = displayName ? `${displayName} (${idOf(name)})` : idOf(name)
      const params = { ...place, run: idOf(name) }
      return entryOf('Run', label, () => void navigate({ to: '/w/$workspace/p/$project/runs/$run', params }))
    })
    const pipelines = (recent.data?.pipelines ?? []).map(({ name, displayName }) => {
      const params = { ...place, pipeline: idOf(name) }
      const to = '/w/$workspace/p/$project/pipelines/$pipeline'
      const label = displayName ? `${displayName} (${idOf(name)})` : idOf(name)
      return entryOf('Pipeline', label, () => void navigate({ to, params }))
    })
    const artifacts = (recent.data?.artifacts ?? []).map(({ name }) => {
      const params = { ...place, artifact: idOf(name) }
      const to = '/w/$workspace/p/$project/artifacts/$artifact'
      return entryOf('Artifact', idOf(name), () => void navigate({ to, params }))
    })
    return [...pages, ...runs, ...pipelines, ...artifacts]
  }, [place, navigate, recent.data])
  return {
    entries: [...entries, ...places.entries, ...themeEntries(), ...copyEntries(run)],
    isPending: recent.isPending || places.isPending,
    error: recent.error,
  }
}

function useRecent() {
  const { client, key, name: parent } = useProject()
  return useQuery({
    queryKey: [...key, 'palette'],
    // What happened since it was last open belongs in it.
    staleTime: 0,
    queryFn: async ({ signal }) => {
      const request = { parent, pageSize: RECENT }
      const [runs, pipelines, artifacts] = await Promise.all([
        client.call(ListRuns, request, { signal }).catch(noneIfRefused),
        client.call(ListPipelines, request, { signal }).catch(noneIfRefused),
        client.call(ListArtifacts, request, { signal }).catch(noneIfRefused),
      ])
      return { ...runs, ...pipelines, ...artifacts }
    },
  })
}

/** A role may list runs and no artifacts, say: what it may not is left out. */
function noneIfRefused(error: unknown): undefined {
  if (!isCode(error, Code.permissionDenied)) throw error
}

function copyEntries(run: string | undefined): Entry[] {
  // It comes out of the address, which anybody may have written.
  const isId = /^[a-z0-9-]+$/.test(run ?? '')
  const commands = isId ? [`weft runs show ${run}`, `weft runs diagnose ${run}`, `weft logs ${run}`] : []
  return [
    copyEntry('the address of this page', location.href),
    ...commands.map((command) => copyEntry(command, command)),
  ]
}
