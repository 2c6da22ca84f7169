import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import './styles/tokens.css'
import './styles/base.css'
import { newQueryClient } from './app/queries'
import { fetchPage, newRouter } from './app/router'
import { SessionGate } from './app/SessionGate'
import { applyTheme } from './app/theme'

applyTheme()
const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
const queries = newQueryClient()
const router = newRouter()
// While it is asked who is signed in; nothing of the page is shown before.
fetchPage(router)
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <SessionGate>
        <RouterProvider router={router} />
      </SessionGate>
    </QueryClientProvider>
  </StrictMode>,
)
