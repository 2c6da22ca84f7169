// What pages of a whole workspace have: what belongs to no project, and is shared by all of them.

import { TestPermissions } from '@contract/controlplane'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useMemo } from 'react'
import { Client } from '@/api/client'
import type { SessionWorkspace } from '@/api/session'
import { type May, mayOf } from './may'
import { newScope, ScopeProvider, useProject } from './project'

/** Verbs that pages and buttons of workspaces ask for; what needs another adds it here. */
const VERBS = [
  'components.create',
  'components.delete',
  'components.update',
  'components.validate',
  'connectors.create',
  'connectors.delete',
  'connectors.list',
  'connectors.update',
  'connectors.verify',
  'flavors.create',
  'flavors.delete',
  'pools.cordon',
  'pools.list',
  'secrets.access',
  'secrets.create',
  'secrets.delete',
  'secrets.list',
  'secrets.update',
  'stacks.create',
  'stacks.delete',
  'stacks.update',
  'stacks.validate',
  'usage.get',
] as const
export type WorkspaceVerb = (typeof VERBS)[number]

/** What the feed tells of: of nothing that belongs to a project. */
const KINDS = ['Component', 'Flavor', 'Secret', 'ServiceConnector', 'Stack'].map((kind) => `weft.dev/${kind}`)

export function WorkspaceProvider({ of, children }: { of: SessionWorkspace; children: ReactNode }) {
  const scope = useMemo(() => newScope(of, '-', KINDS), [of])
  return <ScopeProvider scope={scope}>{children}</ScopeProvider>
}

/** Which pages and buttons to show: a verb that is not held in the whole workspace is not offered. */
export function useMayInWorkspace(): May<WorkspaceVerb> {
  const { workspace, key } = useProject()
  const held = useQuery({
    queryKey: [...key, 'workspace-permissions'],
    queryFn: async () => {
      const request = { resource: workspace.name, permissions: [...VERBS] }
      return (await new Client().call(TestPermissions, request)).permissions
    },
    staleTime: 5 * 60_000,
  })
  const { data, error, refetch } = held
  return useMemo(() => mayOf({ data, error, refetch }), [data, error, refetch])
}

/** A change of the workspace, after which everything shown of it is read anew. */
export function useWorkspaceChange<V, A>(change: (wish: V) => Promise<A>) {
  const queries = useQueryClient()
  const { key } = useProject()
  return useMutation({
    mutationFn: change,
    onSuccess: () => void queries.invalidateQueries({ queryKey: key }),
  })
}
