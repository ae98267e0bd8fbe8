import { type MlflowClient, mlflowClient } from '../registry/mlflow.js'
import { startMlflow } from '../registry/mlflow-server.js'
import { say } from './command.js'

/** Gives `work` a client of the registry, and stops the server afterwards when it was started for it. */
export async function withRegistry<T>(work: (client: MlflowClient) => Promise<T>): Promise<T> {
  if (!process.env.MLFLOW_TRACKING_URI) say('starting MLflow (set MLFLOW_TRACKING_URI to use a running one) …')
  const server = await startMlflow()
  try {
    return await work(mlflowClient(server.uri))
  } finally {
    await server.close()
  }
}
