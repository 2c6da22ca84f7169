import type { ModelVersion, ModelVersionLink } from '@contract/workspace'
import type { ReactNode } from 'react'
import { RunIdLink, VersionLink } from '@/app/links'
import { CodeBlock } from '@/ui/CodeBlock'
import { Note } from '@/ui/Note'
import { Ago } from '@/ui/Time'
import { Values } from '@/ui/Values'
import { Move, Reason } from './History'
import { inDigits } from './metrics'
import css from './models.module.css'
import { useLinks, useTransitions } from './useModels'
import { Whoever } from './Whoever'

/** All that is known of a version: what it measured, what it consists of, and how it moved. */
export function Details({ version }: { version: ModelVersion }) {
  const links = useLinks(version)
  const artifacts = links.data?.filter(({ artifactVersion }) => artifactVersion)
  const runs = links.data?.filter(({ run }) => run)
  return (
    <div className={css.details} tabIndex={0} role="region" aria-label="Details">
      <Part title="What it measured">
        <Metadata version={version} />
      </Part>
      <Part title="Stages">
        <Stages version={version} />
      </Part>
      <Part title="Linked artifacts">
        <Links links={artifacts} error={links.error} none="No artifact is linked." />
      </Part>
      <Part title="Linked runs">
        <Links links={runs} error={links.error} none="No run is linked." />
      </Part>
      <Part title="To load it">
        <CodeBlock label="Python">{loading(version)}</CodeBlock>
      </Part>
    </div>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={css.part}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}

function Metadata({ version }: { version: ModelVersion }) {
  const values = Object.entries(version.metadata ?? {})
  if (values.length === 0) return <p className="quiet">Nothing was logged of it.</p>
  const shown = values.map(([name, value]) => [name, typeof value === 'number' ? inDigits(value) : value])
  return <Values values={Object.fromEntries(shown)} />
}

type LinksProps = { links: ModelVersionLink[] | undefined; error: Error | null; none: string }

function Links({ links, error, none }: LinksProps) {
  if (error && !links) return <Note kind="bad" error={error} />
  if (!links) return <p className="quiet">Reading …</p>
  if (links.length === 0) return <p className="quiet">{none}</p>
  return (
    <ul className={css.links}>
      {links.map(({ uid, artifactVersion, run, createTime }) => (
        <li key={uid}>
          {artifactVersion ? <VersionLink name={artifactVersion} /> : <RunIdLink name={run ?? ''} />}
          <span className="quiet">
            <Ago time={createTime} />
          </span>
        </li>
      ))}
    </ul>
  )
}

function Stages({ version }: { version: ModelVersion }) {
  const [, , , model = ''] = version.name.split('/')
  const { items, error, isPending } = useTransitions(model, version.number)
  if (error && items.length === 0) return <Note kind="bad" error={error} />
  if (isPending) return <p className="quiet">Reading …</p>
  if (items.length === 0) return <p className="quiet">It has not moved yet.</p>
  return (
    <ol className={css.moves}>
      {items.map((move) => (
        <li key={move.uid}>
          <Move move={move} />
          <p>
            <Whoever subject={move.creator} /> <Ago time={move.createTime} /> <Reason move={move} />
          </p>
        </li>
      ))}
    </ol>
  )
}

function loading({ name, number }: ModelVersion): string {
  const [, , , model = ''] = name.split('/')
  return `import weft\n\nweft.model("${model}", ${number}).load()`
}
