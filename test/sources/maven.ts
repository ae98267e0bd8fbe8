import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** True when a Java program is not on this machine. */
export function lacks(program: string): boolean {
  try {
    execFileSync(program, ['-version'], { stdio: 'ignore' })
    return false
  } catch {
    return true
  }
}

/**
 * Fetches an artifact of Maven Central with what it needs into a folder, once.
 * @param artifact `group:name:version`
 * @param prepare does what is left to do in the new folder before it counts as there
 */
export function fetchJars(libs: string, artifact: string, prepare?: (folder: string) => void): void {
  if (existsSync(libs)) return
  const [group, name, version] = artifact.split(':')
  const home = dirname(libs)
  mkdirSync(home, { recursive: true })
  const folder = mkdtempSync(join(home, 'fetch-'))
  writeFileSync(
    join(folder, 'pom.xml'),
    `<project><modelVersion>4.0.0</modelVersion><groupId>moodlake</groupId><artifactId>fetch</artifactId><version>1</version><dependencies><dependency>
    <groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency></dependencies></project>`,
  )
  execFileSync('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs'], { cwd: folder, stdio: 'inherit' })
  prepare?.(join(folder, 'libs'))
  if (!existsSync(libs)) renameSync(join(folder, 'libs'), libs)
  rmSync(folder, { recursive: true })
}
