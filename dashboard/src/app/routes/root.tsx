// What all pages are below.
import { createRootRoute } from '@tanstack/react-router'
import { NotFound } from '../NotFound'

export const root = createRootRoute({ notFoundComponent: NotFound })
