// What every page of a project has: a client of its workspace, its feed, and what the user may do in it.

import { TestPermissions } from '@contract/controlplane'
import { type Event, GetFeedInfo, WatchEvents } from '@contract/workspace'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react'
import { Client } from '@/api/client'
import { Feed } from '@/api/feed'
import { idOf, type SessionWorkspace } from '@/api/session'
import { type May, mayOf } from './may'
import { tellExpiry } from './queries'

/** Verbs that buttons of pages ask for; a page that needs another adds it here. */
const VERBS = [
  'runs.stop',
  'runs.retry',
  'runs.pause',
  'runs.approve',
  'runs.update',
  'runs.delete',
  'artifacts.update',
  'artifacts.download',
  'pipelines.delete',
  'pipelines.update',
  'savedViews.create',
  'savedViews.delete',
  'savedViews.share',
  'savedViews.update',
  'schedules.create',
  'schedules.delete',
  'schedules.trigger',
  'schedules.update',
  'snapshots.run',
  'triggers.create',
  'triggers.delete',
  'triggers.update',
  'webhooks.create',
  'webhooks.delete',
  'webhooks.redeliver',
  'webhooks.rotate',
  'webhooks.update',
  'models.update',
  'models.promote',
  'models.approve',
] as const
export type Verb = (typeof VERBS)[number]

export type ProjectScope = {
  workspace: SessionWorkspace
  workspaceId: string
  /** "default" of "projects/default". */
  id: string
  name: string
  client: Client
  feed: Feed
  /** The first part of the key of every query of this project: no two projects share an answer. */
  key: readonly ['project', string, string]
}

const ProjectContext = createContext<ProjectScope | null>(null)

export function useProject(): ProjectScope {
  const project = useContext(ProjectContext)
  if (!project) throw new Error('there is no project outside of ProjectProvider')
  return project
}

type Props = { workspace: SessionWorkspace; id: string; children: ReactNode }

export function ProjectProvider({ workspace, id, children }: Props) {
  const scope = useMemo(() => newScope(workspace, id), [workspace, id])
  return <ScopeProvider scope={scope}>{children}</ScopeProvider>
}

/** Gives pages their scope, and follows its feed while they are shown. */
export function ScopeProvider({ scope, children }: { scope: ProjectScope; children: ReactNode }) {
  useFeed(scope)
  return <ProjectContext value={scope}>{children}</ProjectContext>
}

/** A project; or "-" for the whole workspace, of which the feed then tells the kinds that are named. */
export function newScope(
  workspace: SessionWorkspace,
  id: string,
  resourceTypes: readonly string[] = [],
): ProjectScope {
  const client = new Client(workspace.path)
  const name = `projects/${id}`
  return {
    workspace,
    workspaceId: idOf(workspace.name),
    id,
    name,
    client,
    feed: new Feed({
      head: (signal) => client.call(GetFeedInfo, {}, { signal }),
      open: async (after, epoch, signal) => {
        const headers = { 'last-event-id': after }
        const request = { parent: name, epoch, resourceTypes: [...resourceTypes] }
        return client.open(WatchEvents, request, { signal, headers })
      },
    }),
    key: ['project', workspace.name, id],
  }
}

/** Follows the feed while the project is shown; what was compacted meanwhile is read anew. */
function useFeed({ feed, key, client }: ProjectScope): void {
  const queries = useQueryClient()
  useEffect(() => {
    const stopListening = feed.listen({
      reset: () => void queries.invalidateQueries({ queryKey: key }),
      state: () => {
        if (feed.state === 'ended') client.call(GetFeedInfo, {}).catch(tellExpiry)
      },
    })
    const retry = () => feed.retry()
    window.addEventListener('weft:signed-in', retry)
    window.addEventListener('online', retry)
    void feed.run()
    return () => {
      stopListening()
      window.removeEventListener('weft:signed-in', retry)
      window.removeEventListener('online', retry)
      feed.stop()
    }
  }, [feed, key, queries, client])
}

/** Calls with every batch of changes. */
export function useFeedEvents(onEvents: (events: Event[]) => void): void {
  const { feed } = useProject()
  useEffect(() => feed.listen({ events: onEvents }), [feed, onEvents])
}

/**
 * A list as it is now: as it was read, with all that has happened since.
 * One that is older than what the feed knows is read once more.
 */
export async function settled<T>(
  feed: Feed,
  read: () => Promise<T & { revision: string }>,
  apply: (value: T, events: Event[]) => T,
): Promise<T> {
  const first = await read()
  const missed = feed.since(first.revision)
  if (missed) return apply(first, missed)
  const second = await read()
  return apply(second, feed.since(second.revision) ?? [])
}

/** Which buttons to show: a verb that is not held here is not offered. */
export function useMay(): May<Verb> {
  const { workspace, id, key } = useProject()
  const held = useQuery({
    queryKey: [...key, 'permissions'],
    queryFn: async () => {
      const resource = `${workspace.name}/projects/${id}`
      return (await new Client().call(TestPermissions, { resource, permissions: [...VERBS] })).permissions
    },
    staleTime: 5 * 60_000,
  })
  const { data, error, refetch } = held
  return useMemo(() => mayOf({ data, error, refetch }), [data, error, refetch])
}

/** The state of the feed, for the mark that says how old the page may be. */
export function useFeedState(): Feed['state'] {
  const { feed } = useProject()
  const [state, setState] = useState(feed.state)
  useEffect(() => {
    setState(feed.state)
    return feed.listen({ state: () => setState(feed.state) })
  }, [feed])
  return state
}
