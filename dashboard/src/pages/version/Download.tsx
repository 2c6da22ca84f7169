import {
  type ArtifactVersion,
  CreateDownloadUrl,
  type DownloadableFile,
  DownloadFile,
} from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Icon } from '@/ui/Icon'
import { Note } from '@/ui/Note'
import { size } from '@/ui/sizes'
import { exact } from '@/ui/times'
import css from './version.module.css'

/** Links to the files of a version, which open for some minutes: they are made when somebody asks. */
export function Download({ version }: { version: ArtifactVersion }) {
  const { client } = useProject()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  const links = useMutation({ mutationFn: () => client.call(CreateDownloadUrl, { name: version.name }) })
  if (!may('artifacts.download')) return null
  function open() {
    setOpen(true)
    links.mutate()
  }
  return (
    <>
      <Button onClick={open}>
        <Icon name="download" /> Download
      </Button>
      <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title="Download">
        {links.isPending && <p className="quiet">Making links …</p>}
        {links.error && <Note kind="bad" error={links.error} />}
        {links.data && (
          <>
            <ul className={css.files}>
              {links.data.files.map((file) => (
                <File key={file.file} file={file} />
              ))}
            </ul>
            {links.data.files.length === 0 && <p className="quiet">There are no files where it lies.</p>}
            <p className="quiet">
              Whoever has such a link can read the file, until{' '}
              {links.data.expireTime && exact(links.data.expireTime)}.
            </p>
          </>
        )}
      </Dialog>
    </>
  )
}

function File({ file }: { file: DownloadableFile }) {
  const { client } = useProject()
  // An object store's own link leads there; one of the workspace's is reached as its other methods are.
  const isOurs = file.uri.startsWith('/')
  const address = isOurs ? client.address(DownloadFile, { token: idOf(file.uri) }) : file.uri
  return (
    <li>
      <a href={address} download={idOf(file.file)} target={isOurs ? undefined : '_blank'} rel="noreferrer">
        {file.file}
      </a>
      <span className="quiet numbers">{size(file.sizeBytes)}</span>
    </li>
  )
}
