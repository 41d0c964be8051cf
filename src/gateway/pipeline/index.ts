export { createPipeline, stages, type PipelineOptions } from './pipeline.js';
export { SchemaChecks } from './schema-checks.js';
