/** "fraud@3" of "projects/p/models/fraud/versions/3". */
export function versionInWords(name: string): string {
  const [, , , model = '', , version = ''] = name.split('/')
  return `${model}@${version}`
}
