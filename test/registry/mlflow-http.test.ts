import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { loadModel } from '../../src/registry/load-model.js'
import { mlflowClient } from '../../src/registry/mlflow.js'
import { mlflowSender } from '../../src/registry/mlflow-http.js'
import { startMlflow } from '../../src/registry/mlflow-server.js'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  vi.unstubAllEnvs()
})

/** A server on loopback that answers its nth request as told. */
async function serve(answer: (n: number, request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  let n = 0
  server = createServer((request, response) => {
    request.resume()
    answer(++n, request, response)
  })
  await new Promise<void>(done => server!.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An address where nobody listens. */
async function nowhere(): Promise<string> {
  const uri = await serve(() => {})
  await new Promise(done => server!.close(done))
  return uri
}

const RUN = {
  run: { info: { run_id: 'r', experiment_id: '1', status: 'RUNNING', artifact_uri: 'mlflow-artifacts:/1/r/artifacts' } },
}

test.each([500, 502, 503, 429])('a %s is tried again', async status => {
  let requests = 0
  const uri = await serve((n, _request, response) => {
    requests = n
    response.writeHead(n < 3 ? status : 200).end('{}')
  })
  await mlflowClient(uri).models()
  expect(requests).toBe(3)
})

test('a connection that breaks is tried again, but not for what must not be done twice', async () => {
  let requests = 0
  const uri = await serve((n, request, response) => {
    requests = n
    if (n === 1) request.socket.destroy()
    else response.end(JSON.stringify(RUN))
  })
  expect(await mlflowClient(uri).run('r')).toMatchObject({ runId: 'r' })
  expect(requests).toBe(2)
  server!.closeAllConnections()
  server!.close()
  const again = await serve((n, request) => {
    requests = n
    request.socket.destroy()
  })
  await expect(mlflowClient(again).createRun('1')).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(requests).toBe(1)
})

test('a refusal is not tried again and carries MLflow’s words; a page of a proxy is cut', async () => {
  let requests = 0
  const uri = await serve((n, _request, response) => {
    requests = n
    response.writeHead(400).end('{"error_code":"INVALID_PARAMETER_VALUE","message":"bad name"}')
  })
  const asked = mlflowClient(uri).setAlias('x', 'champion', '1')
  await expect(asked).rejects.toThrow(
    `mlflow: POST ${uri}/api/2.0/mlflow/registered-models/alias: INVALID_PARAMETER_VALUE: bad name`,
  )
  expect(requests).toBe(1)
  server!.close()
  const proxy = await serve((_n, _request, response) => response.writeHead(403).end(`<html>${'x'.repeat(1000)}`))
  const error = await mlflowClient(proxy)
    .models()
    .catch(caught => caught)
  expect(error).toMatchObject({ status: 403, code: 'HTTP_403' })
  expect(error.message.length).toBeLessThan(500)
})

test('a server that never answers is given up in time', async () => {
  const uri = await serve(() => {})
  const send = mlflowSender(uri, { timeoutMs: 50, attempts: 2 })
  await expect(send({ method: 'GET', path: '/x' })).rejects.toMatchObject({ code: 'UNREACHABLE', url: `${uri}/x` })
  const stopped = mlflowSender(uri, { signal: AbortSignal.timeout(50) })
  await expect(stopped({ method: 'GET', path: '/x' })).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('batches keep MLflow’s limits', async () => {
  const sizes: [number, number, number][] = []
  const uri = await serve((_n, request, response) => {
    let text = ''
    request.on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const { metrics, params, tags } = JSON.parse(text)
      sizes.push([metrics.length, params.length, tags.length])
      response.end('{}')
    })
  })
  const many = (n: number, value: string) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, value]))
  const metrics = Array.from({ length: 2050 }, (_, step) => ({ key: 'm', value: 1, step }))
  await mlflowClient(uri).logBatch('r', { metrics, params: many(130, 'p'), tags: many(201, 't') })
  expect(sizes).toEqual([
    [800, 100, 100],
    [870, 30, 100],
    [380, 0, 1],
  ])
})

test('credentials of the environment are sent', async () => {
  const seen: (string | undefined)[] = []
  const uri = await serve((_n, request, response) => {
    seen.push(request.headers.authorization)
    response.end('{}')
  })
  await mlflowClient(uri).models()
  vi.stubEnv('MLFLOW_TRACKING_USERNAME', 'ann')
  vi.stubEnv('MLFLOW_TRACKING_PASSWORD', 'secret')
  await mlflowClient(uri).models()
  vi.stubEnv('MLFLOW_TRACKING_TOKEN', 'token')
  await mlflowClient(uri).models()
  expect(seen).toEqual([undefined, `Basic ${btoa('ann:secret')}`, 'Bearer token'])
})

test('MLFLOW_TRACKING_URI is used as it is, and one that does not answer gets one sentence', async () => {
  const gone = await nowhere()
  vi.stubEnv('MLFLOW_TRACKING_URI', gone)
  await expect(startMlflow()).rejects.toThrow(
    `mlflow: ${gone}: not reachable (ECONNREFUSED): start it, or unset MLFLOW_TRACKING_URI`,
  )
  await expect(loadModel('models:/sentiment@champion')).rejects.toThrow(`mlflow: ${gone}: not reachable`)
  await expect(loadModel('models:/sentiment@champion', { trackingUri: gone })).rejects.toMatchObject({ code: 'UNREACHABLE' })
  vi.stubEnv('MLFLOW_TRACKING_URI', 'sqlite:///here.db')
  await expect(startMlflow()).rejects.toThrow('MLFLOW_TRACKING_URI: sqlite:///here.db is not the http(s) address of a server')
  const uri = await serve((_n, _request, response) => response.end('OK'))
  vi.stubEnv('MLFLOW_TRACKING_URI', `${uri}/`)
  const used = await startMlflow()
  expect([used.uri, used.started]).toEqual([uri, false])
  await used.close()
})
