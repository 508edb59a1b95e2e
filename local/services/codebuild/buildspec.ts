import { parse } from "yaml";
import { z } from "zod";

/** The phases with commands, in their order. */
export const commandPhases = ["install", "pre_build", "build", "post_build"] as const;

/** One of the phases with commands. */
export type CommandPhase = (typeof commandPhases)[number];

const phase = z.strictObject({
  "on-failure": z.literal("ABORT").optional(),
  commands: z.array(z.string()).min(1),
  finally: z.array(z.string()).min(1).optional(),
});

const buildspecSchema = z.strictObject({
  version: z.literal(0.2),
  env: z
    .strictObject({
      // Without effect here: the local GitHub asks for no credential.
      "git-credential-helper": z.enum(["yes", "no"]).optional(),
      shell: z.enum(["bash", "/bin/sh"]).optional(),
      variables: z
        .record(
          z
            .string()
            .refine((name) => !name.startsWith("CODEBUILD_"), "the name of a variable must not start with CODEBUILD_"),
          z.coerce.string(),
        )
        .optional(),
    })
    .optional(),
  phases: z.strictObject({
    install: phase
      .extend({
        "runtime-versions": z.strictObject({ nodejs: z.coerce.string() }).optional(),
        commands: z.array(z.string()).min(1).optional(),
      })
      .optional(),
    pre_build: phase.optional(),
    build: phase.optional(),
    post_build: phase.optional(),
  }),
  reports: z
    .record(
      z.string(),
      z.strictObject({
        files: z.array(z.string()).min(1),
        "base-directory": z.string().default("."),
        "file-format": z.literal("JUNITXML").default("JUNITXML"),
      }),
    )
    .refine((groups) => Object.keys(groups).length <= 5, "a buildspec may have at most five report groups")
    .optional(),
});

/** A buildspec, version 0.2, with the keys that the local CodeBuild knows. */
export type Buildspec = z.infer<typeof buildspecSchema>;

/**
 * Reads a buildspec.
 *
 * @param file The file's name, for messages.
 * @throws {Error} for what is not YAML, and for a key or value that the local CodeBuild does not know.
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
 */
export function parseBuildspec(text: string, file: string): Buildspec {
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new Error(`YAML_FILE_ERROR: ${file} is not YAML: ${error instanceof Error ? error.message : error}`);
  }
  const result = buildspecSchema.safeParse(content);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "the file"}: ${message}`);
    throw new Error(`YAML_FILE_ERROR: ${file} has what the local CodeBuild does not know: ${problems.join("; ")}`);
  }
  return result.data;
}
