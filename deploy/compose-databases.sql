-- The control plane's is made by the image.
CREATE DATABASE workspace;
