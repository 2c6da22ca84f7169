// What never changes of runs that are compared: the code they were made of, and the bytes they made.

import {
  type ArtifactVersion,
  GetArtifactVersion,
  GetSnapshot,
  ListArtifactVersions,
  type Snapshot,
  type Step,
} from '@contract/workspace'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Client } from '@/api/client'
import { isCode, Code as Status } from '@/api/errors'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { groupBy } from '../run/groupBy'
import { type Code, HASH_SHOWN } from './facts'
import { inGroups, inParallel } from './inParallel'
import { AT_A_TIME, allPages, anyOf, runOf } from './useCompared'

const FOREVER = Number.POSITIVE_INFINITY
const PAGE_SIZE = 500

/** The code of snapshots by their names; without those that are not for the user to see. */
export function useCodes(snapshots: readonly string[]) {
  const { client, key } = useProject()
  const queries = useQueryClient()
  const found = useQuery({
    queryKey: [...key, 'codes', snapshots.join(' ')],
    placeholderData: keepPreviousData,
    staleTime: FOREVER,
    queryFn: async () => {
      const codes = await inParallel(snapshots, (name) =>
        queries.fetchQuery({
          queryKey: [...key, 'code', name],
          staleTime: FOREVER,
          // A snapshot may have a megabyte; what is kept of it is short.
          queryFn: () => orNone(async () => codeOf(await client.call(GetSnapshot, { name }))),
        }),
      )
      return new Map(snapshots.map((name, at) => [name, codes[at] ?? undefined]))
    },
  })
  return { codes: found.data, error: found.error }
}

async function codeOf({ code, spec, environment }: Snapshot): Promise<Code> {
  const steps = spec?.steps ?? []
  const hashes = await Promise.all(steps.map(({ source }) => sha256(source)))
  return {
    commit: code ? commitOf(code) : '',
    archive: code?.sha256.slice(0, HASH_SHOWN) ?? '',
    steps: steps.map(({ id }, at) => [id, hashes[at] ?? '']),
    environment,
  }
}

/** The commit, and the code repository that it was fetched from. */
function commitOf({ commit, codeRepository, directory, dirty }: NonNullable<Snapshot['code']>): string {
  if (codeRepository) return `${idOf(codeRepository)}@${commit}${directory && ` (${directory})`}`
  return commit + (dirty ? ' and more' : '')
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  const bytes = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0'))
  return bytes.join('').slice(0, HASH_SHOWN)
}

/** The hashes of what steps made, by the versions' names. */
export function useHashes(steps: readonly Step[] | undefined) {
  const { client, key } = useProject()
  const names = useMemo(
    () => [...new Set(steps?.flatMap(({ outputs }) => Object.values(outputs)))].toSorted(),
    [steps],
  )
  const found = useQuery({
    queryKey: [...key, 'hashes', names.join(' ')],
    placeholderData: keepPreviousData,
    staleTime: FOREVER,
    enabled: steps !== undefined,
    queryFn: ({ signal }) => hashesOf(client, steps ?? [], names, signal),
  })
  return { hashes: found.data, error: found.error }
}

/** By lists of what the runs made of each artifact; alone only what these do not have. */
async function hashesOf(client: Client, steps: readonly Step[], names: string[], signal: AbortSignal) {
  const makers = groupBy(
    steps.flatMap((step) => Object.values(step.outputs).map((name) => ({ name, step }))),
    ({ name }) => name.replace(/\/versions\/.*/, ''),
  )
  const lists = [...makers].flatMap(([parent, made]) => {
    const runs = new Set(made.map(({ step }) => idOf(runOf(step.cachedFrom || step.name))))
    return inGroups([...runs], AT_A_TIME).map((group) => ({ parent, filter: anyOf('producer_run', group) }))
  })
  const read = (list: object, pageToken: string) =>
    client.call(ListArtifactVersions, { ...list, pageSize: PAGE_SIZE, pageToken }, { signal })
  const pages = await inParallel(lists, (list) => orNone(() => allPages((token) => read(list, token))))
  const listed = pages.flatMap((each) => each ?? []).flatMap((page) => page.artifactVersions)
  const hashes = new Map(listed.map(({ name, contentHash }) => [name, contentHash]))
  const missing = names.filter((name) => !hashes.has(name))
  const alone = await inParallel(missing, (name) =>
    orNone<ArtifactVersion>(() => client.call(GetArtifactVersion, { name }, { signal })),
  )
  for (const version of alone) if (version) hashes.set(version.name, version.contentHash)
  return hashes
}

/** Who may see a run may not see all that it is made of, and some of it may be gone: that is no failure. */
async function orNone<T>(read: () => Promise<T>): Promise<T | null> {
  return read().catch((error: unknown) => {
    if (isCode(error, Status.notFound) || isCode(error, Status.permissionDenied)) return null
    throw error
  })
}
