import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What becomes of a request: it passes, its answer is lost after the work was done, it is refused with a status, or that is
 * the answer after the work was done.
 */
export type Verdict = 'pass' | 'drop' | { refuse: number } | { answer: number }

/** A proxy before a service that does as told with each request. */
export async function startProxy(
  endpoint: string,
  judge: (method: string, path: string) => Verdict,
): Promise<{ endpoint: string; stop(): void }> {
  const target = new URL(endpoint)
  const server: Server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    const verdict = judge(method ?? '', path ?? '')
    if (typeof verdict === 'object' && 'refuse' in verdict) {
      incoming.resume().on('end', () => outgoing.writeHead(verdict.refuse).end())
      return
    }
    const onward = request({ host: target.hostname, port: target.port, method, path, headers }, answer => {
      if (verdict === 'pass') {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      } else
        answer.resume().on('end', () => {
          if (verdict === 'drop') incoming.socket.destroy()
          else outgoing.writeHead(verdict.answer).end()
        })
    })
    incoming.pipe(onward)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
