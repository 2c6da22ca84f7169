import { ListProjects, type Project } from '@contract/workspace'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { Client } from '@/api/client'
import type { SessionWorkspace } from '@/api/session'

/** The projects of a workspace that the user may see. */
export const useProjects = (workspace: SessionWorkspace) => useQuery(projectsOf(workspace))

export const projectsOf = (workspace: SessionWorkspace) =>
  queryOptions({
    queryKey: ['projects', workspace.name],
    queryFn: ({ signal }) => listAll(new Client(workspace.path), signal),
  })

async function listAll(client: Client, signal: AbortSignal): Promise<Project[]> {
  const projects: Project[] = []
  let pageToken = ''
  do {
    const page = await client.call(ListProjects, { pageSize: 500, pageToken }, { signal })
    projects.push(...page.projects)
    pageToken = page.nextPageToken
  } while (pageToken)
  return projects
}
