import type { ConnectorAuthMethod, ServiceConnector } from '@contract/workspace'
import { problemsOf } from '@/api/problems'
import type { Schema } from '@/api/schema'
import { idOf } from '@/api/session'
import { useSecrets } from '@/app/credentials'
import { useWhole } from '@/app/infrastructure'
import { SecretArea } from '@/ui/SecretArea'
import { Select } from '@/ui/Select'

type Props = {
  schema: Schema
  method: ConnectorAuthMethod
  error: Error | null
  connector?: ServiceConnector
}

/** What nobody may see: written here, where the workspace keeps it, or in a secret with keys of these names. */
export function SecretFields({ schema, method, error, connector }: Props) {
  const problems = problemsOf(error)
  if (method.secretFields.length === 0) return null
  return (
    <>
      {method.secretFields.map((name) => (
        <SecretArea
          key={name}
          label={name}
          name={`secret:${name}`}
          hint={hintOf(schema.properties?.[name], connector?.secretFields.includes(name) ?? false)}
          problem={problems.get(`service_connector.secret_config.${name}`)}
        />
      ))}
      <FromSecret {...(connector && { connector })} fields={method.secretFields} />
    </>
  )
}

function hintOf(schema: Schema | undefined, isKept: boolean): string {
  const kept = isKept ? 'The workspace keeps one; what is written here takes its place.' : ''
  return [schema?.description, kept].filter(Boolean).join(' ')
}

function FromSecret({ connector, fields }: { connector?: ServiceConnector; fields: string[] }) {
  const list = useSecrets()
  const held = connector?.secretName ?? ''
  const names = new Set(useWhole(list).map(({ name }) => name))
  if (held) names.add(held)
  if (names.size === 0) return null
  return (
    <Select
      // The one that is held is not a choice before the list was read.
      key={names.size}
      label="Or keys of a secret"
      name="secretName"
      defaultValue={held}
      choices={[['', 'None'], ...[...names].map((name) => [name, idOf(name)] as const)]}
      hint={`Its keys ${fields.join(', ')} serve where nothing is written above.`}
    />
  )
}
