import type { SchemaFieldProps } from './SchemaForm'
import { type Notation, WrittenField } from './WrittenField'
import { readYaml, writeYaml } from './yaml'

const YAML_TEXT: Notation = { name: 'YAML', read: readYaml, write: writeYaml }

export const YamlField = (props: SchemaFieldProps) => <WrittenField {...props} notation={YAML_TEXT} />
