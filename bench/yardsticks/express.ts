// Yardstick: Express 5 with its own JSON body parser.
import { createServer } from 'node:http';
import express from 'express';
import { echoAnswer, type EchoRequest } from './echo.js';
import { serve } from './serve.js';

const app = express();
app.use(express.json());
app.post('/mcp', (request, response) => {
  response.json(echoAnswer(request.body as EchoRequest));
});

await serve(createServer(app));
