// Artifacts of the project and their versions, as they are now.
import {
  type Artifact,
  type ArtifactVersion,
  type Event,
  GetArtifact,
  ListArtifacts,
  ListArtifactVersions,
} from '@contract/workspace'
import { useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'
import { useLiveList } from '@/app/useLiveList'

const PAGE_SIZE = 100
const artifactOf = (event: Event) => event.artifact
const versionOf = (event: Event) => event.artifactVersion

export function useArtifacts(filter: string) {
  const { client, name: parent } = useProject()
  return useLiveList<Artifact>({
    key: ['artifacts', filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { artifacts, ...page } = await client.call(ListArtifacts, request, { signal })
      return { ...page, items: artifacts }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Artifact',
    itemOf: artifactOf,
  })
}

/** Versions of an artifact, the newest first; of all artifacts where it is "-". */
export function useVersions(artifact: string, filter: string) {
  const { client, name: project } = useProject()
  const parent = `${project}/artifacts/${artifact}`
  const ours = artifact === '-' ? `${project}/artifacts/` : `${parent}/versions/`
  return useLiveList<ArtifactVersion>({
    key: ['versions', artifact, filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { artifactVersions, ...page } = await client.call(ListArtifactVersions, request, { signal })
      return { ...page, items: artifactVersions }
    },
    concerns: (event) => event.resourceType === 'weft.dev/ArtifactVersion' && event.name.startsWith(ours),
    itemOf: versionOf,
  })
}

export function useArtifact(id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/artifacts/${id}`
  return useLiveItem<Artifact>(name, (signal) => client.call(GetArtifact, { name }, { signal }), artifactOf)
}
