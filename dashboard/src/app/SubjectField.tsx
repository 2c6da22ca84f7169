import { ListWorkspaces } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { Suggested } from '@/ui/Suggested'
import { useOrganization } from './organization'
import { useDirectory } from './subjects'

type Props = { label: string; name: string; hint?: string; defaultValue?: string; required?: boolean }

/** Somebody, as the command line writes it. */
export function SubjectField({
  hint = 'An address, or sa: and the id of a service account.',
  ...field
}: Props) {
  const { proposals } = useDirectory()
  return <Suggested hint={hint} proposals={proposals} {...field} />
}

/** An organization, or anything in it, by its name. */
export function PlaceField(field: Props) {
  const { client, name, key } = useOrganization()
  const workspaces = useQuery({
    queryKey: [...key, 'workspace-choices'],
    queryFn: async () => (await client.call(ListWorkspaces, { parent: name, pageSize: 500 })).workspaces,
  })
  const places = [name, ...(workspaces.data ?? []).map((workspace) => workspace.name)]
  return (
    <Suggested
      proposals={places}
      pattern="organizations/.+"
      hint="The organization, a workspace, a project of it, or one thing there: …/projects/demo/runs/first."
      {...field}
    />
  )
}
