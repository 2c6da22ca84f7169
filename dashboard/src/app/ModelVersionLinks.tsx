import { Fragment } from 'react'
import { ModelVersionLink } from './links'

/** Versions of models, each a link, in one line. */
export function ModelVersionLinks({ names }: { names: string[] }) {
  return names.map((name, at) => (
    <Fragment key={name}>
      {at > 0 && ', '}
      <ModelVersionLink name={name} />
    </Fragment>
  ))
}
