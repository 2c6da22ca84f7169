import {
  type ArtifactVersion,
  GetVisualization,
  type Visualization,
  type VisualizationKind,
} from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { type ComponentType, lazy, Suspense, useEffect, useState } from 'react'
import { useProject } from '@/app/project'
import { CodeBlock } from '@/ui/CodeBlock'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import views from '@/ui/views.module.css'
import { CsvTable } from './CsvTable'
import { Markdown } from './Markdown'
import css from './preview.module.css'

const route = getRouteApi('/w/$workspace/p/$project/artifacts/$artifact/versions/$version')

type Text = ComponentType<{ text: string }>
const PlotData = lazy(async () => ({ default: (await import('./PlotData')).PlotData }))
const TEXTS: Partial<Record<VisualizationKind, Text>> = {
  VISUALIZATION_KIND_MARKDOWN: Markdown,
  VISUALIZATION_KIND_CSV: CsvTable,
  // Plots are recorded as the documents that they are: which ones are, the page finds out.
  VISUALIZATION_KIND_JSON: PlotData,
  VISUALIZATION_KIND_PLOT: PlotData,
}

/** What of a version can be looked at: one of its files, as what it is or as text. */
export function Preview({ version }: { version: ArtifactVersion }) {
  const { file } = route.useSearch()
  const shown = version.visualizations.find((each) => each.file === file) ?? version.visualizations[0]
  if (!shown) return <Nothing version={version} />
  return (
    <section className={css.preview} aria-label="Preview">
      <Choice all={version.visualizations} shown={shown} />
      <File key={shown.file} version={version} shown={shown} />
    </section>
  )
}

function Nothing({ version }: { version: ArtifactVersion }) {
  const { artifact } = route.useParams()
  return (
    <EmptyState
      icon="box"
      title="Nothing to look at was recorded"
      command={`weft artifacts download ${artifact}@${version.version}`}
    >
      <p>Steps that return Markdown, Html, a figure or a frame record what a browser can show.</p>
    </EmptyState>
  )
}

function Choice({ all, shown }: { all: Visualization[]; shown: Visualization }) {
  const { as } = route.useSearch()
  const hasText = shown.kind !== 'VISUALIZATION_KIND_IMAGE'
  return (
    <nav aria-label="Files to look at" className={css.choice}>
      <span className={views.views}>
        {all.map((each) => (
          <Link
            key={each.file}
            from={route.id}
            to="."
            search={{ file: each.file }}
            aria-current={each === shown ? 'page' : undefined}
          >
            {each.title || each.file}
          </Link>
        ))}
      </span>
      {hasText && (
        <Link
          from={route.id}
          to="."
          search={(now) => ({ ...now, as: as ? undefined : 'text' })}
          className={css.as}
          replace
        >
          {as ? 'As it is meant' : 'As text'}
        </Link>
      )}
    </nav>
  )
}

function File({ version, shown }: { version: ArtifactVersion; shown: Visualization }) {
  const { client, key } = useProject()
  const { as } = route.useSearch()
  const request = { name: version.name, file: shown.file }
  const content = useQuery({
    queryKey: [...key, 'visualization', version.uid, shown.file],
    queryFn: async ({ signal }) => {
      const blob = await client.read(GetVisualization, request, { signal })
      return { blob, text: shown.kind === 'VISUALIZATION_KIND_IMAGE' ? '' : await blob.text() }
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (content.error) return <ErrorPage error={content.error} onRetry={() => content.refetch()} />
  if (!content.data) return <p className={css.loading}>Reading {shown.file} …</p>
  const label = shown.title || shown.file
  const { blob, text } = content.data
  if (shown.kind === 'VISUALIZATION_KIND_IMAGE') return <Picture blob={blob} label={label} />
  const Drawn = TEXTS[shown.kind]
  if (as === 'text' || (!Drawn && shown.kind !== 'VISUALIZATION_KIND_HTML'))
    return (
      <div className={css.paper}>
        <CodeBlock label={label}>{text}</CodeBlock>
      </div>
    )
  if (Drawn)
    return (
      <Suspense fallback={<p className={css.loading}>Drawing …</p>}>
        <Drawn text={text} />
      </Suspense>
    )
  return <Sandbox address={client.address(GetVisualization, request)} label={label} />
}

/**
 * Somebody's HTML. The frame and the policy that the gateway sends with it both give it an origin of
 * its own: it runs no script, reaches no host, and knows nothing of who looks at it.
 */
function Sandbox({ address, label }: { address: string; label: string }) {
  return <iframe className={css.frame} src={address} sandbox="" title={label} referrerPolicy="no-referrer" />
}

function Picture({ blob, label }: { blob: Blob; label: string }) {
  const [address, setAddress] = useState('')
  useEffect(() => {
    const made = URL.createObjectURL(blob)
    setAddress(made)
    return () => URL.revokeObjectURL(made)
  }, [blob])
  return (
    <div className={css.picture} tabIndex={0} role="group" aria-label={label}>
      {address && <img src={address} alt={label} />}
    </div>
  )
}
