import type { Component } from '@contract/workspace'
import { problemsOf } from '@/api/problems'
import { idOf } from '@/api/session'
import { useConnectors } from '@/app/credentials'
import { useWhole } from '@/app/infrastructure'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'

/** By which connector a component gets its credentials, where there are any. */
export function ConnectorFields({ component, error }: { component?: Component; error: Error | null }) {
  const connectors = useWhole(useConnectors())
  const held = component?.connector ?? ''
  const names = new Map(connectors.map(({ name, displayName }) => [name, displayName]))
  if (held && !names.has(held)) names.set(held, '')
  if (names.size === 0) return null
  return (
    <>
      <Select
        // The one that is held is not a choice before the list was read.
        key={names.size}
        label="Connector"
        name="connector"
        defaultValue={held}
        choices={[
          ['', 'None'],
          ...[...names].map(([name, displayName]) => [name, displayName || idOf(name)] as const),
        ]}
        hint="Where its credentials come from."
      />
      <Field
        label="Resource of the connector"
        name="connectorResource"
        maxLength={1024}
        defaultValue={component?.connectorResource}
        problem={problemsOf(error).get('component.connector_resource')}
        hint="What they are to be good for, where the configuration does not name it."
        autoComplete="off"
        spellCheck={false}
      />
    </>
  )
}
