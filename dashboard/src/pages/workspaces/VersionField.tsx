import { ListAvailableVersions } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { useOrganization } from '@/app/organization'
import { Note } from '@/ui/Note'
import { Select } from '@/ui/Select'

/** One of the versions that the control plane can run, the newest first. */
export function VersionField({ label, hint }: { label: string; hint?: string }) {
  const { client, name: parent, key } = useOrganization()
  const { data, error } = useQuery({
    queryKey: [...key, 'workspace-versions'],
    queryFn: ({ signal }) => client.call(ListAvailableVersions, { parent }, { signal }),
  })
  if (error) return <Note kind="bad" error={error} />
  if (!data) return <p className="quiet">Reading the versions …</p>
  const choices = data.versions.toReversed().map((version) => [version, version] as const)
  return <Select label={label} name="version" choices={choices} {...(hint ? { hint } : {})} />
}
